"""What phone, receiver and authority say to each other, and the rules that make it acceptable."""
