package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/quorate/quorate/governance"
	"github.com/quorate/quorate/internal/client"
)

func newSeatCommand(c *cli) *cobra.Command {
	return noun("seat", "Seats of a body: list, show, appoint, vacate, resign",
		`Which seats a body has stands in its charter. Who holds one is a fact, and a fact is
never refused: a body that facts leave below its charter may only turn things off
and fill its seats until it is whole again.`,
		newSeatListCommand(c), newSeatShowCommand(c), newSeatAppointCommand(c), newSeatVacateCommand(c, "vacate"), newSeatVacateCommand(c, "resign"))
}

func newSeatListCommand(c *cli) *cobra.Command {
	return newShowingCommand(c, showing[governance.BodyView]{use: "list BODY", short: "List the seats of a body, with who holds them", args: []string{"BODY"},
		get: func(ctx context.Context, s *client.Client, args []string) (client.Answer[governance.BodyView], error) {
			return s.ShowBody(ctx, args[0])
		},
		draw: func(p *page, v governance.BodyView) {
			p.rows(append([][]string{{"SEAT", "NAME", "VOTES", "HELD BY", "AS"}}, seatRows(v)...))
		}})
}

func newSeatShowCommand(c *cli) *cobra.Command {
	var asked string
	return newShowingCommand(c, showing[governance.BodyView]{use: "show BODY SEAT", short: "Show who holds, and has held, a seat", args: []string{"BODY", "SEAT"},
		get: func(ctx context.Context, s *client.Client, args []string) (client.Answer[governance.BodyView], error) {
			asked = args[1]
			return s.ShowBody(ctx, args[0])
		},
		draw: func(p *page, v governance.BodyView) { drawSeat(p, v, asked) }})
}

func drawSeat(p *page, v governance.BodyView, key string) {
	rule, ok := v.Body.Charter.Seat(key)
	if !ok {
		p.line("%s has no seat %s.", v.Body.Key, key)
		return
	}
	p.line("%s (%s) of %s", rule.Name, rule.Key, v.Body.Name)
	tell := func(t governance.Tenure) {
		what := string(t.Place) + ": " + t.Person.Name
		if t.Physician {
			what += ", a physician"
		}
		if t.Until != "" {
			what += ", until " + t.Until
		}
		p.line("%s", what)
		drawDeed(p, "  since then recorded", &t.Since)
		drawDeed(p, "  ended", t.Ended)
	}
	seat := v.Seats[key]
	for _, t := range []*governance.Tenure{seat.Holder, seat.Acting} {
		if t != nil {
			tell(*t)
		}
	}
	for _, t := range append(seat.Alternates[:len(seat.Alternates):len(seat.Alternates)], seat.Past...) {
		tell(t)
	}
}

func newSeatAppointCommand(c *cli) *cobra.Command {
	var who personOptions
	var a governance.Appointment
	var place string
	return newActCommand(c, act[governance.Appointment]{use: "appoint BODY SEAT --person ID --name NAME --reason TEXT", short: "Record who holds a seat, acts for its holder, or is an alternate", args: []string{"BODY", "SEAT"},
		long: `Record who holds a seat, acts for its holder, or is an alternate. A physician's seat
takes physicians, in every place. Nobody occupies two voting seats.`,
		example: `  quorate seat appoint strategy co --person person:mnbvcxzlkjhgfdsa \
    --name "Colorado chief of medicine" --physician --reason "Elected in March"
  quorate seat appoint strategy co --person person:asdfghjklqwertyu \
    --name "Colorado deputy" --place acting --physician --until 2027-06-30 --reason "On leave"`,
		wants: []string{"person", "name", "reason"},
		options: func(cmd *cobra.Command) {
			who.register(cmd)
			cmd.Flags().StringVar(&place, "place", string(governance.Holding), "`PLACE`: holder, acting or alternate")
			oneOf(cmd, "place", governance.Places)
			cmd.Flags().BoolVar(&a.Physician, "physician", false, "the person is a physician")
			cmd.Flags().StringVar(&a.Until, "until", "", "last `DATE` of the term (YYYY-MM-DD)")
		},
		do: func(ctx context.Context, s *client.Client, args []string, why client.Why) (client.Written[governance.Appointment], error) {
			a.Seat, a.Person, a.Place = args[1], who.person(), governance.Place(place)
			return s.Appoint(ctx, args[0], a, why)
		},
		says: func(p *page, args []string, a governance.Appointment) {
			p.line("%s is %s of the seat %s of %s.", a.Person.Name, a.Place, a.Seat, args[0])
		}})
}

// newSeatVacateCommand ends somebody else's place in a seat, or one's own.
func newSeatVacateCommand(c *cli, verb string) *cobra.Command {
	var person string
	a := act[string]{use: "resign BODY SEAT --reason TEXT", short: "Give up your own place in a seat", args: []string{"BODY", "SEAT"},
		long: `Give up your own place in a seat. It cannot be refused. A ballot that you cast in an
open motion stands until whoever occupies the seat next replaces it.`,
		example: `  quorate seat resign strategy co --reason "I move to Hawaii"`, wants: []string{"reason"},
		says: saying("You no longer occupy the seat %[2]s of %[1]s.")}
	if verb == "vacate" {
		a.use, a.short, a.wants = "vacate BODY SEAT --person ID --reason TEXT", "Record that somebody no longer occupies a seat", []string{"person", "reason"}
		a.long = `Record that somebody no longer occupies a seat. It is a fact, and no rule refuses it.`
		a.example = `  quorate seat vacate strategy co --person person:mnbvcxzlkjhgfdsa --reason "Has left the medical group"`
		a.says = saying("The seat %[2]s of %[1]s is vacated.")
		a.options = func(cmd *cobra.Command) {
			cmd.Flags().StringVar(&person, "person", "", "`ID` of the person who leaves")
		}
	}
	a.do = func(ctx context.Context, s *client.Client, args []string, why client.Why) (client.Written[string], error) {
		return s.Vacate(ctx, args[0], args[1], person, why)
	}
	return newActCommand(c, a)
}
