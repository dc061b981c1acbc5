package flags

import (
	"fmt"
	"time"
)

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
	On     bool   `json:"on"`               // for whoever meets what is asked of the context
	Partly bool   `json:"partly,omitempty"` // an audience or a rollout leaves somebody out
	Cause  Cause  `json:"cause"`            // the variant that is served
	Answer Answer `json:"answer,omitempty"` // what the region said
	Date   string `json:"date,omitempty"`   // of later or decline
	// In a region of several jurisdictions, in how many of them it is on, if it is
	// not in all.
	OnIn          int `json:"on_in,omitempty"`
	Jurisdictions int `json:"jurisdictions,omitempty"`
	// Under a pilot, how many of the region's facilities take part.
	Pilot      int `json:"pilot,omitempty"`
	Facilities int `json:"facilities,omitempty"`
}

// Word is the cell's state in a word or two, for a table.
func (c BoardCell) Word() string {
	switch {
	case c.On && c.Pilot > 0:
		return fmt.Sprintf("pilot (%d of %d)", c.Pilot, c.Facilities)
	case c.On && c.Jurisdictions > 0:
		return fmt.Sprintf("partly (%d of %d)", c.OnIn, c.Jurisdictions)
	case c.On && c.Partly:
		return "partly on"
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
	case c.Cause == NotReady:
		return "not ready"
	case c.Cause == NotInRollout, c.Cause == NotInAudience:
		return "nobody yet"
	}
	return string(c.Cause)
}

// Board is the whole matrix at a time, ordered by key.
func (s *Snapshot) Board(at time.Time) Board {
	b := Board{Revision: s.Revision}
	regions := s.Regions()
	for _, r := range regions {
		b.Regions = append(b.Regions, r.Value.Key)
	}
	for _, c := range s.Capabilities() {
		row := BoardRow{Capability: c.Value.Key, Name: c.Value.Name, Stage: c.Value.Stage}
		for _, r := range regions {
			row.Cells = append(row.Cells, s.cell(r.Value.Key, c.Value.Key, at))
		}
		b.Rows = append(b.Rows, row)
	}
	return b
}

func (s *Snapshot) cell(region, capability string, at time.Time) BoardCell {
	st, err := s.State(region, capability, at)
	if err != nil {
		return BoardCell{Cause: Off}
	}
	return cellOf(st)
}

func cellOf(st State) BoardCell {
	e := st.Enablement.Value
	cell := BoardCell{On: st.Cause == On, Cause: st.Cause, Answer: e.Answer, Date: e.Until + e.Review}
	if cell.On {
		if on, of := st.onIn(st.at); of > 0 {
			cell.OnIn, cell.Jurisdictions = on, of
		}
	}
	switch {
	case !cell.On:
	case st.Offer.Value.Kind == Pilot:
		cell.Pilot, cell.Facilities = len(st.How.Audience.Facilities), len(st.view.facilities)
	default:
		cell.Partly = st.How.partial()
	}
	return cell
}
