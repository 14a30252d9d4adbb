"""The verbs that join rooms, one module each, so that no job loads what another needs."""
