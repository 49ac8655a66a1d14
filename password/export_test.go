package password

// Nobodys returns the hash that stands for no account.
func Nobodys(h *Hasher) string { return h.nobodys() }
