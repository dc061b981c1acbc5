package flags

// A Board is the matrix of capabilities and regions.
type Board struct {
	Revision int64      `json:"revision"`
	Regions  []string   `json:"regions"`
	Rows     []BoardRow `json:"rows"`
}

// A BoardRow is one capability in every region.
type BoardRow struct {
	Capability string      `json:"capability"`
	Name       string      `json:"name"`
	Stage      Stage       `json:"stage"`
	Cells      []BoardCell `json:"cells"` // in the order of Board.Regions
}

// A BoardCell says in two words how a capability stands in a region.
type BoardCell struct {
	On     bool   `json:"on"`
	Cause  Cause  `json:"cause"`            // the variant that is served
	Answer Answer `json:"answer,omitempty"` // what the region said
	Date   string `json:"date,omitempty"`   // of later or decline
}

// Word is the cell's state in a word or two, for a table.
func (c BoardCell) Word() string {
	switch {
	case c.On:
		return "on"
	case c.Cause == NotEnabled && c.Answer == Later:
		return "later"
	case c.Cause == NotEnabled && c.Answer == Decline:
		return "declined"
	case c.Cause == NotEnabled:
		return "no answer"
	case c.Cause == NoOffer:
		return "no offer"
	case c.Cause == WasTurnedOff:
		return "turned off"
	case c.Cause == Prerequisite:
		return "waits"
	}
	return string(c.Cause)
}

// Board is the whole matrix, ordered by key.
func (s *Snapshot) Board() Board {
	b := Board{Revision: s.Revision}
	regions := s.Regions()
	for _, r := range regions {
		b.Regions = append(b.Regions, r.Value.Key)
	}
	for _, c := range s.Capabilities() {
		row := BoardRow{Capability: c.Value.Key, Name: c.Value.Name, Stage: c.Value.Stage}
		for _, r := range regions {
			row.Cells = append(row.Cells, s.cell(r.Value.Key, c.Value.Key))
		}
		b.Rows = append(b.Rows, row)
	}
	return b
}

func (s *Snapshot) cell(region, capability string) BoardCell {
	st, err := s.State(region, capability)
	if err != nil {
		return BoardCell{Cause: Off}
	}
	e := st.Enablement.Value
	return BoardCell{On: st.Cause == On, Cause: st.Cause, Answer: e.Answer, Date: e.Until + e.Review}
}
