package usage

// SetStretch sets after how many lines a rating has reached something.
func (s *Service) SetStretch(lines int) { s.stretch = lines }

// SetBatch sets how many lines of a file one transaction loads at most.
func (s *Service) SetBatch(lines int) { s.batch = lines }
