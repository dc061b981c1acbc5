package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/quorate/quorate/internal/access"
	"github.com/quorate/quorate/internal/api"
	"github.com/quorate/quorate/internal/client"
	"github.com/quorate/quorate/internal/identity"
)

func newAccessCommand(c *cli) *cobra.Command {
	return noun("access", "Who may do what, and why: show, people, groups, delegate",
		`What somebody may do follows from roles, and roles from a group at the identity
provider, from a token, or from a delegation.`,
		newAccessShowCommand(c), newAccessPeopleCommand(c), newGroupsCommand(c), newDelegateCommand(c), newDelegationsCommand(c), newEndDelegationCommand(c),
		newLockCommand(c, "disable", "Lock a person out at once, everywhere", true), newLockCommand(c, "enable", "Let a person sign in again", false))
}

func newAccessShowCommand(c *cli) *cobra.Command {
	var region string
	cmd := &cobra.Command{
		Use:   "show [WHO|WHAT]",
		Short: "Say what somebody can do and why, or who can do something",
		Long: `WHO is a person (person:...), a token (token:...) or me; the answer is what it can do,
and why. WHAT is an action, such as enablement.answer; the answer is who can take
it, and why. Without either, it is about you.`,
		Example: `  quorate access show
  quorate access show token:4cq2w7hxkzp3mnva
  quorate access show enablement.answer --region co`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			about := "me"
			if len(args) > 0 {
				about = args[0]
			}
			if identity.Action(about).Known() {
				return c.showWhoCan(cmd, about, region)
			}
			a, err := ask(c, func(s *client.Client) (client.Answer[access.Profile], error) {
				return s.ShowAccess(cmd.Context(), about)
			})
			if err != nil {
				return err
			}
			return c.show(a.Value, a.Raw, func(p *page) { drawProfile(p, a.Value) })
		},
	}
	cmd.Flags().StringVarP(&region, "region", "r", "", "with an action, who can take it for this `REGION`")
	offer(cmd, "region", c.offering(anywhere, regionNames))
	return cmd
}

func drawProfile(p *page, who access.Profile) {
	p.line("%s (%s, %s)", who.Name, who.ID, who.State)
	var held, may [][]string
	for _, h := range who.Held {
		held = append(held, []string{string(h.Role), strings.Join(h.Regions, ","), h.Why})
	}
	p.table("It holds no role.", []string{"ROLE", "REGIONS", "WHY"}, held)
	for _, m := range who.May {
		may = append(may, []string{string(m.Action), strings.Join(m.Regions, ","), strings.Join(m.By, ", ")})
	}
	p.table("It can do nothing.", []string{"ACTION", "REGIONS", "BECAUSE OF"}, may)
}

func (c *cli) showWhoCan(cmd *cobra.Command, action, region string) error {
	a, err := ask(c, func(s *client.Client) (client.Answer[api.List[access.Holder]], error) {
		return s.WhoCan(cmd.Context(), action, region)
	})
	if err != nil {
		return err
	}
	return c.show(a.Value, a.Raw, func(p *page) {
		var rows [][]string
		for _, h := range a.Value.Items {
			rows = append(rows, []string{h.Name, h.Kind, h.ID, strings.Join(h.By, ", ")})
		}
		p.table("Nobody can.", []string{"NAME", "KIND", "ID", "BECAUSE OF"}, rows)
	})
}

func newAccessPeopleCommand(c *cli) *cobra.Command {
	return &cobra.Command{
		Use: "people", Short: "List who has signed in here, and their roles", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			a, err := ask(c, func(s *client.Client) (client.Answer[api.List[access.Profile]], error) {
				return s.ListPeople(cmd.Context())
			})
			if err != nil {
				return err
			}
			return c.show(a.Value, a.Raw, func(p *page) {
				var rows [][]string
				for _, who := range a.Value.Items {
					var held []identity.Grant
					for _, h := range who.Held {
						held = append(held, identity.Grant{Role: h.Role, Regions: h.Regions})
					}
					rows = append(rows, []string{who.ID, who.State, who.Name, roles(held)})
				}
				p.table("Nobody has signed in yet.", []string{"ID", "STATE", "NAME", "ROLES"}, rows)
			})
		},
	}
}

func newGroupsCommand(c *cli) *cobra.Command {
	show := &cobra.Command{
		Use: "show", Short: "Show which groups of the identity provider hold which roles", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			a, err := ask(c, func(s *client.Client) (client.Answer[client.GroupTable], error) { return s.ShowGroups(cmd.Context()) })
			if err != nil {
				return err
			}
			return c.show(a.Value, a.Raw, func(p *page) {
				var rows [][]string
				for _, g := range a.Value.Roles {
					rows = append(rows, []string{g.Group, string(g.Role), strings.Join(g.Regions, ",")})
				}
				p.table("No group holds a role.", []string{"GROUP", "ROLE", "REGIONS"}, rows)
			})
		},
	}
	var file, reason string
	set := &cobra.Command{
		Use: "set --file FILE --reason TEXT", Short: "Say which groups of the identity provider hold which roles",
		Long: `Replace the table of groups by that of a file, as show --output yaml prints it. If the
file says a revision, the table must still be at it.`,
		Example: `  quorate access groups show --output yaml > groups.yaml
  quorate access groups set --file groups.yaml --reason "Colorado has a new lead's group"`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := need(cmd, "file"); err != nil {
				return err
			}
			raw, err := c.readFile("--file", file)
			if err != nil {
				return err
			}
			doc, err := parseRecord(raw)
			var table client.GroupTable
			if err == nil {
				err = strictly(doc, &table)
			}
			if err != nil {
				return misuse("the file %s is no table of groups: %v", file, err).Do("write it as `quorate access groups show --output yaml` does").At("--file")
			}
			w, err := ask(c, func(s *client.Client) (client.Written[access.Groups], error) {
				return s.SetGroups(cmd.Context(), table.Groups, client.Why{Reason: reason, IfRevision: table.Revision})
			})
			if err != nil {
				return err
			}
			return changed(c, w, func(p *page, g access.Groups) { p.line("The table of groups has %d lines.", len(g.Roles)) })
		},
	}
	set.Flags().StringVar(&file, "file", "", "`FILE` with the table, in YAML or JSON; - is standard input")
	set.Flags().StringVar(&reason, "reason", "", "`TEXT` that says why, for the record")
	return noun("groups", "Which groups of the identity provider hold which roles: show, set", "People hold the roles of the groups they are in.", show, set)
}

func strictly(doc json.RawMessage, into any) error {
	dec := json.NewDecoder(strings.NewReader(string(doc)))
	dec.DisallowUnknownFields()
	return dec.Decode(into)
}

func newDelegateCommand(c *cli) *cobra.Command {
	var r access.DelegationRequest
	var role, until, reason string
	cmd := &cobra.Command{
		Use:   "delegate --to PERSON --role ROLE --region REGION --until WHEN --reason TEXT",
		Short: "Lend a role of yours to another person for a time",
		Long: `Lend a role that you hold yourself to another person, for at most 90 days. It counts
only while you hold it, and cannot be passed on. You must have signed in within the
last five minutes: quorate login --fresh.`,
		Example: `  quorate access delegate --to person:4cq2w7hxkzp3mnva --role regional_lead --region co --until 14d --reason "On leave"`,
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := need(cmd, "to", "role", "region", "until"); err != nil {
				return err
			}
			end, err := parseExpiry(until, c.now())
			if err != nil {
				return err
			}
			r.Role, r.Expires = identity.Role(role), end
			w, err := ask(c, func(s *client.Client) (client.Written[access.Delegation], error) {
				return s.Delegate(cmd.Context(), r, reason)
			})
			if err != nil {
				return err
			}
			return changed(c, w, func(p *page, d access.Delegation) {
				p.line("%s is %s for %s until %s (delegation %s).", d.To, d.Role, d.Region, moment(d.Expires), d.ID)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&r.To, "to", "", "`PERSON` who is to hold it, as person:...; see `quorate access people`")
	f.StringVar(&role, "role", "", "`ROLE` of yours")
	f.StringVarP(&r.Region, "region", "r", "", "`REGION` it is lent for, * for all")
	f.StringVar(&until, "until", "", "`WHEN` it ends: 14d, a date (from its first minute, UTC) or a time")
	f.StringVar(&reason, "reason", "", "`TEXT` that says why, for the record")
	oneOf(cmd, "role", identity.May(identity.Delegate))
	offer(cmd, "region", c.offering(anywhere, regionNames))
	return cmd
}

func newDelegationsCommand(c *cli) *cobra.Command {
	return &cobra.Command{
		Use: "delegations", Short: "List which roles are lent to whom", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			a, err := ask(c, func(s *client.Client) (client.Answer[api.List[access.Delegation]], error) {
				return s.ListDelegations(cmd.Context())
			})
			if err != nil {
				return err
			}
			return c.show(a.Value, a.Raw, func(p *page) {
				var rows [][]string
				for _, d := range a.Value.Items {
					rows = append(rows, []string{d.ID, delegationState(d, c.now()), string(d.Role), d.Region, d.FromAs, d.To, moment(d.Expires)})
				}
				p.table("Nothing is delegated.", []string{"ID", "STATE", "ROLE", "REGION", "FROM", "TO", "UNTIL"}, rows)
			})
		},
	}
}

func delegationState(d access.Delegation, now time.Time) string {
	switch {
	case d.Ended != nil:
		return "ended"
	case !now.Before(d.Expires):
		return "expired"
	case now.Before(d.Begins):
		return "to come"
	}
	return "live"
}

func newEndDelegationCommand(c *cli) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "end ID --reason TEXT", Short: "End a delegation before its time", Args: exactly("ID"),
		Example: `  quorate access end 4cq2w7hxkzp3mnva --reason "Back from leave"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			w, err := ask(c, func(s *client.Client) (client.Written[access.Delegation], error) {
				return s.EndDelegation(cmd.Context(), args[0], reason)
			})
			if err != nil {
				return err
			}
			return changed(c, w, func(p *page, d access.Delegation) { p.line("The delegation %s to %s has ended.", d.ID, d.To) })
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "`TEXT` that says why, for the record")
	return cmd
}

func newLockCommand(c *cli, verb, short string, out bool) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: verb + " PERSON --reason TEXT", Short: short, Args: exactly("PERSON"),
		Example: fmt.Sprintf(`  quorate access %s person:4cq2w7hxkzp3mnva --reason "Left the organisation"`, verb),
		RunE: func(cmd *cobra.Command, args []string) error {
			w, err := ask(c, func(s *client.Client) (client.Written[access.Person], error) {
				return s.LockPerson(cmd.Context(), args[0], out, reason)
			})
			if err != nil {
				return err
			}
			return changed(c, w, func(p *page, who access.Person) {
				p.line("%s (%s) %s.", who.Name, who.ID, map[bool]string{true: "is locked out", false: "may sign in"}[who.Disabled])
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "`TEXT` that says why, for the record")
	return cmd
}

func newTokenShowCommand(c *cli) *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "Show a token, without its secret", Args: exactly("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			a, err := ask(c, func(s *client.Client) (client.Answer[client.Token], error) {
				return s.ShowToken(cmd.Context(), args[0])
			})
			if err != nil {
				return err
			}
			return c.show(a.Value, a.Raw, func(p *page) {
				t, used := a.Value, "never"
				if t.LastUsed != nil {
					used = moment(*t.LastUsed)
				}
				p.line("%s", t.Name)
				pairs := [][2]string{{"Token", t.ID}, {"State", t.State}, {"Roles", roles(t.Grants)}, {"Actions", verbs(t.Verbs)},
					{"Expires", moment(t.Expires)}, {"Last used", used}, {"Issued", moment(t.IssuedAt) + " by " + t.IssuedBy}, {"Revision", fmt.Sprint(t.Revision)}}
				for _, other := range [][2]string{{"Rotated from", t.Replaces}, {"Rotated into", t.ReplacedBy}} {
					if other[1] != "" {
						pairs = append(pairs, other)
					}
				}
				p.pairs(slices.Clip(pairs)...)
			})
		},
	}
}

func newTokenRotateCommand(c *cli) *cobra.Command {
	var overlap time.Duration
	var expires string
	var why client.Why
	cmd := &cobra.Command{
		Use:   "rotate ID",
		Short: "Issue a token's successor; both are accepted for a while",
		Long: `Issue a token that may do what an old one may. The old one is accepted for the overlap
from now on, so that every service can take over the new one. Its secret is the only
thing printed on standard output.`,
		Example: `  quorate token rotate 4cq2w7hxkzp3mnva --overlap 24h > token`,
		Args:    exactly("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var until time.Time
			if expires != "" {
				var err error
				if until, err = parseExpiry(expires, c.now()); err != nil {
					return err
				}
			}
			w, err := ask(c, func(s *client.Client) (client.Written[client.Issued], error) {
				return s.RotateToken(cmd.Context(), args[0], overlap, until, why)
			})
			if err != nil {
				return err
			}
			return c.handOver(w)
		},
	}
	f := cmd.Flags()
	f.DurationVar(&overlap, "overlap", 24*time.Hour, "`TIME` for which the old token is still accepted")
	f.StringVar(&expires, "expires", "", "`WHEN` the new one stops being accepted; none: it lives as long as the old one was meant to")
	f.StringVar(&why.Reason, "reason", "", "`TEXT` that says why, for the record")
	f.Int64Var(&why.IfRevision, "if-revision", 0, "only if the old token is still at revision `N`, as show told")
	return cmd
}
