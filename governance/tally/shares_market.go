package tally

import (
	"errors"
	"fmt"
	"math/big"
)

// market turns the portfolio into the whole-number problem that the
// equal-shares engine runs: voters who would always pay alike (same region
// share, same choices) become one group. A voter of weight w is w copies of a
// voter: w shares of money and w times the payment. That is another model than
// a voter with more money, which region shares express.
func (p *portfolio) market(u utility, class map[string]int32, classes int) (*shareMarket, error) {
	m := &shareMarket{projects: make([]shareProject, len(p.alts)), classes: classes}
	per, err := p.copies()
	if err != nil {
		return nil, err
	}
	m.per = per
	if money, ok := mul64(p.limit, per); !ok || money >= maxMoney {
		return nil, fmt.Errorf("the budget %s is too large to count exactly with the given weights", p.budget)
	}
	groups := map[string]int32{}
	var key []byte
	for i := range p.voters {
		v := &p.voters[i]
		v.group = -1
		if v.weight.IsZero() {
			continue
		}
		key = groupKey(key[:0], class[v.member.Region], v.choices, u)
		g, known := groups[string(key)]
		if !known {
			g = int32(len(m.groups))
			groups[string(key)] = g
			m.groups = append(m.groups, shareGroup{class: class[v.member.Region]})
			m.enter(g, v.choices, u)
		}
		v.group = g
		n, _ := whole(v.weight, per)
		m.groups[g].weight += n
	}
	return m, m.price(p, u)
}

// copies returns the least number by which all weights become whole.
func (p *portfolio) copies() (int64, error) {
	per := big.NewInt(1)
	for _, v := range p.voters {
		if !v.weight.IsInt() {
			per = lcm(per, v.weight.view().Denom())
		}
		if per.BitLen() > 30 {
			return 0, errors.New("the voters' weights have too many different fractions; state them as whole numbers")
		}
	}
	total := p.weight.Mul(Frac(per.Int64(), 1))
	if Int(maxMoney / 64).Less(total) {
		return 0, fmt.Errorf("the voters' weights sum to %s, which is too large to count exactly", p.weight)
	}
	return per.Int64(), nil
}

func groupKey(key []byte, class int32, choices []choice, u utility) []byte {
	put := func(n int32) { key = append(key, byte(n), byte(n>>8), byte(n>>16), byte(n>>24)) }
	put(class)
	for _, c := range choices {
		put(c.project)
		if u == utilityPoints {
			put(c.points)
		}
	}
	return key
}

func (m *shareMarket) enter(g int32, choices []choice, u utility) {
	for _, c := range choices {
		points := int32(1)
		if u == utilityPoints {
			points = c.points
		}
		m.projects[c.project].backers = append(m.projects[c.project].backers, shareBacker{g, points})
	}
	m.groups[g].size = int32(len(choices))
}

// price sets the costs. With weights in copies of 1/per, the copies together
// owe per times the cost.
func (m *shareMarket) price(p *portfolio, u utility) error {
	for i := range m.projects {
		pr := &m.projects[i]
		if p.out[i] != "" {
			pr.backers = nil
			continue
		}
		cost, ok := mul64(p.cost[i], m.per)
		if !ok || cost >= maxMoney {
			return fmt.Errorf("project %q costs %s, too much to count exactly with the given weights", p.alts[i].Key, p.alts[i].Cost)
		}
		pr.cost, pr.scale, pr.points = cost, 1, 0
		if u == utilityCost {
			pr.scale = p.cost[i]
		}
		for _, b := range pr.backers {
			w, ok := mul64(m.groups[b.group].weight, int64(b.points))
			if pr.points += w; !ok || pr.points >= maxMoney {
				return fmt.Errorf("project %q has too many points to count exactly", p.alts[i].Key)
			}
		}
	}
	return nil
}
