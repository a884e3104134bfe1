// Names that this port uses and no source spells.
