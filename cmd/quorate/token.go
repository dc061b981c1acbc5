package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/quorate/quorate/internal/access"
	"github.com/quorate/quorate/internal/api"
	"github.com/quorate/quorate/internal/client"
	"github.com/quorate/quorate/internal/identity"
)

func newTokenCommand(c *cli) *cobra.Command {
	return noun("token", "Tokens that let people and services in: list, show, issue, rotate, revoke",
		`A token says which roles its bearer holds in which regions. It always expires, can
be narrowed to some actions, and can be revoked.`,
		newTokenListCommand(c), newTokenShowCommand(c), newTokenIssueCommand(c), newTokenRotateCommand(c), newTokenRevokeCommand(c))
}

func newTokenListCommand(c *cli) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List all tokens, without their secrets", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			a, err := ask(c, func(s *client.Client) (client.Answer[api.List[client.Token]], error) {
				return s.ListTokens(cmd.Context())
			})
			if err != nil {
				return err
			}
			return c.show(a.Value, a.Raw, func(p *page) {
				var rows [][]string
				for _, t := range a.Value.Items {
					rows = append(rows, []string{t.ID, t.State, t.Name, roles(t.Grants), verbs(t.Verbs), moment(t.Expires)})
				}
				p.table("There are no tokens.", []string{"ID", "STATE", "NAME", "ROLES", "ACTIONS", "EXPIRES"}, rows)
			})
		},
	}
}

func roles(grants []identity.Grant) string {
	return strings.Join(identity.Principal{Grants: grants}.RoleNames(), ", ")
}

func verbs(actions []identity.Action) string {
	if len(actions) == 0 {
		return "all of the roles"
	}
	return joined(actions)
}

func newTokenIssueCommand(c *cli) *cobra.Command {
	var name, expires, reason string
	var held, regions, narrowed []string
	cmd := &cobra.Command{
		Use:   "issue --name NAME --role ROLES --region REGIONS",
		Short: "Issue a token; its secret is shown once",
		Long: `Issue a token. Name its bearer by role, never by person. Each role is held in each of
the regions.

The secret is the only thing printed on standard output, so that a script can keep
it. It cannot be had again.`,
		Example: `  quorate token issue --name "Colorado regional lead" --role regional_lead --region co --expires 90d
  quorate token issue --name "Colorado portal" --role service --region co --verb evaluate --expires 2027-01-31 > token`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := need(cmd, "name", "role", "region"); err != nil {
				return err
			}
			until, err := parseExpiry(expires, c.now())
			if err != nil {
				return err
			}
			request := access.TokenRequest{Name: name, Expires: until}
			for _, r := range held {
				request.Grants = append(request.Grants, identity.Grant{Role: identity.Role(r), Regions: regions})
			}
			for _, v := range narrowed {
				request.Verbs = append(request.Verbs, identity.Action(v))
			}
			w, err := ask(c, func(s *client.Client) (client.Written[client.Issued], error) {
				return s.IssueToken(cmd.Context(), request, reason)
			})
			if err != nil {
				return err
			}
			return c.handOver(w)
		},
	}
	f := cmd.Flags()
	f.StringVar(&name, "name", "", "`NAME` of its bearer, by role, such as \"Colorado regional lead\"")
	f.StringSliceVar(&held, "role", nil, "`ROLES` it holds, of "+joined(identity.Roles))
	f.StringSliceVarP(&regions, "region", "r", nil, "`REGIONS` it holds them in, such as co,hi; * for all")
	f.StringSliceVar(&narrowed, "verb", nil, "only these `ACTIONS`, such as evaluate; none: all that its roles may do")
	f.StringVar(&expires, "expires", "30d", "`WHEN` it stops being accepted: 720h, 30d, a date (from its first minute, UTC) or a time")
	f.StringVar(&reason, "reason", "", "`TEXT` that says why, for the record")
	oneOf(cmd, "role", identity.Roles)
	oneOf(cmd, "verb", identity.Actions)
	offer(cmd, "region", c.offering(anywhere, regionNames))
	return cmd
}

// handOver prints the secret of a new token, alone, and beside it what to do.
func (c *cli) handOver(w client.Written[client.Issued]) error {
	if c.output != "table" {
		return c.print(w.Raw)
	}
	t := w.Value.Result.Token
	if _, err := fmt.Fprintln(c.stdout, clean(w.Value.Result.Secret)); err != nil {
		return err
	}
	p := &page{}
	p.line("This is the token %s of %s, good until %s.", t.ID, t.Name, moment(t.Expires))
	p.line("Keep it now: it cannot be shown again. Use it as QUORATE_TOKEN.")
	for _, line := range told(w.Value.Receipt) {
		p.line("%s", line)
	}
	_, err := c.stderr.Write(p.text.Bytes())
	return err
}

// parseExpiry reads a time from now (720h, 30d), a date or a time.
func parseExpiry(text string, now time.Time) (time.Time, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil {
			return now.Add(time.Duration(n) * 24 * time.Hour), nil
		}
	}
	if d, err := time.ParseDuration(text); err == nil {
		return now.Add(d), nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, misuse("--expires: %.40q is neither a time from now nor a date", text).
		Do("write 720h, 30d, 2027-01-31 or 2027-01-31T12:00:00Z").At("--expires")
}

func newTokenRevokeCommand(c *cli) *cobra.Command {
	var reason string
	var ifRevision int64
	cmd := &cobra.Command{
		Use:     "revoke ID --reason TEXT",
		Short:   "Revoke a token at once",
		Long:    `Revoke a token by its id, the part between the first two underscores.`,
		Example: `  quorate token revoke 4cq2w7hxkzp3mnva --reason "Its bearer left the office"`,
		Args:    exactly("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			w, err := ask(c, func(s *client.Client) (client.Written[client.Token], error) {
				return s.RevokeToken(cmd.Context(), args[0], client.Why{Reason: reason, IfRevision: ifRevision})
			})
			if err != nil {
				return err
			}
			return changed(c, w, func(p *page, t client.Token) { p.line("The token %s of %s is revoked.", t.ID, t.Name) })
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "`TEXT` that says why, for the record")
	cmd.Flags().Int64Var(&ifRevision, "if-revision", 0, "only if it is still at revision `N`, as show told")
	return cmd
}

func newWhoamiCommand(c *cli) *cobra.Command {
	return &cobra.Command{
		Use: "whoami", Short: "Say whom your token belongs to, and what it may do", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			a, err := ask(c, func(s *client.Client) (client.Answer[client.Who], error) { return s.Whoami(cmd.Context()) })
			if err != nil {
				return err
			}
			return c.show(a.Value, a.Raw, func(p *page) {
				p.line("%s", a.Value.Name)
				p.pairs([2]string{"Principal", a.Value.ID}, [2]string{"Roles", roles(a.Value.Grants)}, [2]string{"Actions", verbs(a.Value.Verbs)})
			})
		},
	}
}
