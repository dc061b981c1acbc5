package flags

import "github.com/quorate/quorate/policy"

// Questions lists what is offered and enabled, as regulation is asked about it: what
// is on but for the law, whatever the time and the patient.
func (s *Snapshot) Questions() []policy.Question {
	var list []policy.Question
	for _, region := range s.Regions() {
		view := s.view(region.Value.Key)
		for _, c := range s.Capabilities() {
			i := s.catalog.flags[c.Value.Key].capability
			answer, offer := view.enablement(i).Value, s.catalog.offers[i].Value
			if !answer.On() || !offer.Live() {
				continue
			}
			how := offer.within(region.Value.Key, answer.Effective(s.catalog.baselines[i].Value))
			q := question(region.Value, c.Value, how)
			q.Since = answer.Answered.At
			if answer.Permitted != nil {
				q.Where = answer.Permitted.In
			}
			list = append(list, q)
		}
	}
	return list
}
