"""What the kernels compute, in plain integers: their reference, and for where viper is not."""
