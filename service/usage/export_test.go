package usage

// SetStretch sets after how many lines a rating has reached something.
func (s *Service) SetStretch(lines int) { s.stretch = lines }
