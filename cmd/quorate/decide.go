package main

import (
	"github.com/spf13/cobra"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/internal/client"
)

// decision is what the everyday verbs have in common.
type decision struct {
	region string
	why    whyOptions
}

func (c *cli) newDecision(d *decision, verb, use, short, long, example string) *cobra.Command {
	cmd := &cobra.Command{
		Use: verb + " CAPABILITY --region REGION " + use + "--reason TEXT", Short: short, Long: long, Example: example,
		Args: exactly("CAPABILITY"), ValidArgsFunction: c.offering(1, capabilityNames),
	}
	c.regionOption(cmd, &d.region)
	d.why.register(cmd)
	return cmd
}

func newEnableCommand(c *cli) *cobra.Command {
	var d decision
	cmd := c.newDecision(&d, "enable", "", "Turn a capability on in a region",
		`Answer the offer of a capability with yes: it is on in the region from now on.

The capability must be offered, and what it needs must be on; otherwise it stays
off, and the answer says what is missing. Enabling again after somebody turned it
off lifts that.

Options say how it is on: with which variant and settings, for whom, for how many of
them, from when until when. Each changes one field; what is not given stays as the
region said it before, and is otherwise the group's baseline if the region took it.`,
		`  quorate enable video_visit --region co --reason "Clinics are ready"
  quorate enable video_visit --region co --language es --rollout 25 --reason "A quarter of Spanish speakers first"
  quorate enable video_visit --region co --stage 2027-03-01T08:00=10 --stage 2027-04-01T08:00=100 --reason "By stages"`)
	reply := flags.Reply{Answer: flags.Enable}
	return c.howToo(c.answering(cmd, &d, &reply), &d, &reply)
}

func newLaterCommand(c *cli) *cobra.Command {
	var d decision
	reply := flags.Reply{Answer: flags.Later}
	cmd := c.newDecision(&d, "later", "--until DATE ", "Answer an offer later, by a date",
		`Answer the offer of a capability with not yet: it stays off, or goes off, and the
region answers again by the date.`,
		`  quorate later hie --region co --until 2027-04-01 --reason "The gateway contract is not signed yet"`)
	cmd.Flags().StringVar(&reply.Until, "until", "", "the `DATE` (YYYY-MM-DD) by which the region answers again")
	return c.answering(cmd, &d, &reply, "until")
}

func newDeclineCommand(c *cli) *cobra.Command {
	var d decision
	reply := flags.Reply{Answer: flags.Decline}
	cmd := c.newDecision(&d, "decline", "--review DATE ", "Decline an offer, with a date to look again",
		`Answer the offer of a capability with no: it stays off, or goes off, and the region
looks at it again on the date.`,
		`  quorate decline bh_messaging --region co --review 2027-10-01 --reason "Nobody can watch the pool daily"`)
	cmd.Flags().StringVar(&reply.Review, "review", "", "the `DATE` (YYYY-MM-DD) on which the region looks again")
	return c.answering(cmd, &d, &reply, "review")
}

// answering makes a command give an answer. Its own options are demanded beside
// the region and the reason.
func (c *cli) answering(cmd *cobra.Command, d *decision, reply *flags.Reply, own ...string) *cobra.Command {
	d.why.registerRevision(cmd)
	var when whenOptions
	when.register(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := when.fill(&d.why.Why); err != nil {
			return err
		}
		if err := need(cmd, append([]string{"region", "reason"}, own...)...); err != nil {
			return err
		}
		w, err := ask(c, func(s *client.Client) (client.Written[flags.Standing], error) {
			return s.AnswerOffer(cmd.Context(), d.region, args[0], *reply, d.why.Why)
		})
		if err != nil {
			return err
		}
		return changed(c, w, drawLine)
	}
	return cmd
}

func newOffCommand(c *cli) *cobra.Command {
	var d decision
	cmd := c.newDecision(&d, "off", "", "Turn a capability off in a region at once, for safety",
		`Turn a capability off at once. It needs your role and a reason and nothing else; no
rule can hold it up. The region's answer is kept, and `+"`quorate enable`"+` lifts it.`,
		`  quorate off video_visit --region co --reason "Calls drop; patients wait in vain"`)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := need(cmd, "region", "reason"); err != nil {
			return err
		}
		w, err := ask(c, func(s *client.Client) (client.Written[flags.Standing], error) {
			return s.TurnOff(cmd.Context(), d.region, args[0], d.why.Reason)
		})
		if err != nil {
			return err
		}
		return changed(c, w, drawLine)
	}
	return cmd
}

func drawLine(p *page, s flags.Standing) { p.line("%s", s.Line) }
