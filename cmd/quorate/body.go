package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/quorate/quorate/governance"
	"github.com/quorate/quorate/internal/client"
)

func newBodyCommand(c *cli) *cobra.Command {
	return noun("body", "Bodies that decide: list, show, found, secretary",
		`A body decides under a charter: which seats there are, who of them must be a physician,
how many make a quorum, what each kind of motion needs. Once a body is founded,
offers are granted by its motions alone.`,
		newBodyListCommand(c), newBodyShowCommand(c), newBodyFoundCommand(c), newBodySecretaryCommand(c))
}

func newBodyListCommand(c *cli) *cobra.Command {
	return newListingCommand(c, listing[governance.Body]{use: "list", short: "List the bodies",
		get: func(ctx context.Context, s *client.Client, _ []string) (client.GovernanceList[governance.Body], error) {
			return s.ListBodies(ctx)
		},
		none: "No body is founded yet; see `quorate body found`.", heading: []string{"BODY", "NAME", "SEATS", "CHARTER", "SECRETARY"},
		row: func(b governance.Body) []string {
			return []string{b.Key, b.Name, fmt.Sprint(len(b.Charter.Seats)), fmt.Sprintf("version %d", b.CharterVersion), b.Secretary.Name}
		}})
}

func newBodyShowCommand(c *cli) *cobra.Command {
	return newShowingCommand(c, showing[governance.BodyView]{use: "show BODY", short: "Show a body: its charter, who sits in it, what it lacks", args: []string{"BODY"},
		get: func(ctx context.Context, s *client.Client, args []string) (client.Answer[governance.BodyView], error) {
			return s.ShowBody(ctx, args[0])
		},
		draw: drawBody})
}

func drawBody(p *page, v governance.BodyView) {
	b, charter := v.Body, v.Body.Charter
	p.line("%s (%s), charter version %d", b.Name, b.Key, b.CharterVersion)
	quorum := charter.Quorum.Members.String() + " of the members"
	for _, q := range [][2]string{{charter.Quorum.Regions.String(), " of the regions"}, {charter.Quorum.Physicians.String(), " of the physicians on clinical items"}} {
		if q[0] != "0" {
			quorum += ", " + q[0] + q[1]
		}
	}
	if charter.Quorum.Strict {
		quorum = "more than " + quorum
	}
	led := "no"
	if charter.PhysicianLed {
		led = "yes: the chair, and most of the votes"
	}
	p.pairs([2]string{"Secretary", b.Secretary.Name}, [2]string{"Physician-led", led}, [2]string{"Quorum", quorum},
		[2]string{"May move", joined(charter.Movers)}, [2]string{"Decides on", joined(charter.Owns)})
	p.line("")
	p.rows(append([][]string{{"SEAT", "NAME", "VOTES", "HELD BY", "AS"}}, seatRows(v)...))
	p.line("")
	var rows [][]string
	for _, k := range slices.Sorted(maps.Keys(charter.Motions)) {
		rows = append(rows, []string{string(k), words(string(charter.Motions[k].Threshold)), challengeWords(charter.Motions[k])})
	}
	p.table("", []string{"MOTION", "NEEDS", "CHALLENGE"}, rows)
	for _, s := range v.Shortfalls {
		p.line("Below its charter: %s.", s)
	}
}

func challengeWords(t governance.Terms) string {
	if t.ChallengeDays == 0 {
		return "none"
	}
	return count(t.ChallengeDays, "day")
}

// seatRows shows a body's seats in the order of the charter, with whoever is first
// in line.
func seatRows(v governance.BodyView) [][]string {
	var rows [][]string
	for _, rule := range v.Body.Charter.Seats {
		votes := "advises"
		if rule.Voting {
			votes = fmt.Sprint(cmp.Or(rule.Weight, 1))
		}
		if rule.Key == v.Body.Charter.Chair {
			votes += ", chair"
		}
		seat := v.Seats[rule.Key]
		name, place := "(vacant)", ""
		switch {
		case seat.Holder != nil:
			name, place = seat.Holder.Person.Name, string(seat.Holder.Place)
		case seat.Acting != nil:
			name, place = seat.Acting.Person.Name, string(seat.Acting.Place)
		case len(seat.Alternates) > 0:
			name, place = seat.Alternates[0].Person.Name, string(seat.Alternates[0].Place)
		}
		rows = append(rows, []string{rule.Key, rule.Name, votes, name, place})
	}
	return rows
}

func newBodyFoundCommand(c *cli) *cobra.Command {
	var file string
	return newActCommand(c, act[governance.Body]{use: "found --file FILE --reason TEXT", short: "Found the first body",
		long: `Found the first body, from a file in YAML or JSON with the fields body (key, name,
charter, secretary) and occupants (seat, person, place, physician). From then on
offers are granted by motion, and further bodies are founded by motion.`,
		example: `  quorate body found --file strategy.yaml --reason "The regions agreed to it in March"`,
		wants:   []string{"file", "reason"},
		options: func(cmd *cobra.Command) { fileOption(cmd, &file) },
		do: func(ctx context.Context, s *client.Client, _ []string, why client.Why) (client.Written[governance.Body], error) {
			fields, err := c.readFields(file)
			if err != nil {
				return client.Written[governance.Body]{}, err
			}
			return s.FoundBody(ctx, fields, why)
		},
		says: func(p *page, _ []string, b governance.Body) {
			p.line("%s (%s) is founded. Offers are granted by its motions.", b.Name, b.Key)
		}})
}

// fileOption adds --file to a command that takes everything from it.
func fileOption(cmd *cobra.Command, file *string) {
	cmd.Flags().StringVarP(file, "file", "f", "", "`FILE` with it in YAML or JSON; - is standard input")
}

// readFields reads a file of named fields.
func (c *cli) readFields(file string) (map[string]json.RawMessage, error) {
	value, _, err := c.readRecord(file)
	if err != nil {
		return nil, err
	}
	var fields map[string]json.RawMessage
	return fields, json.Unmarshal(value, &fields)
}

// personOptions name a person by the id of their sign-in, and by role.
type personOptions struct{ id, name string }

func (o *personOptions) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.id, "person", "", "`ID` with which the person signs in, as `quorate whoami` shows it")
	cmd.Flags().StringVar(&o.name, "name", "", "`NAME` of the person, by role: \"Colorado chief of medicine\"")
}

func (o personOptions) person() governance.Person {
	return governance.Person{ID: o.id, Name: o.name}
}

func newBodySecretaryCommand(c *cli) *cobra.Command {
	var who personOptions
	return newActCommand(c, act[governance.Person]{use: "secretary BODY --person ID --name NAME --reason TEXT", short: "Record who is secretary of a body", args: []string{"BODY"},
		long:    `Record who is secretary: who keeps the roll, opens motions and signs the minutes.`,
		example: `  quorate body secretary strategy --person person:mnbvcxzlkjhgfdsa --name "Secretary" --reason "Appointed in March"`,
		wants:   []string{"person", "name", "reason"}, options: who.register,
		do: func(ctx context.Context, s *client.Client, args []string, why client.Why) (client.Written[governance.Person], error) {
			return s.SetSecretary(ctx, args[0], who.person(), why)
		},
		says: func(p *page, args []string, who governance.Person) {
			p.line("%s is secretary of %s.", who.Name, args[0])
		}})
}
