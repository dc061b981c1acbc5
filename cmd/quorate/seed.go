package main

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/quorate/quorate/flags"
	"github.com/quorate/quorate/internal/access"
	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/gate"
	"github.com/quorate/quorate/internal/identity"
	"github.com/quorate/quorate/internal/server"
)

// demoFiles is all of the demo's data, readable in one place.
//
//go:embed demo/*.yaml
var demoFiles embed.FS

type demoRegion struct {
	flags.Region
	Facilities []flags.Facility `json:"facilities"`
}

type demoOffer struct {
	Capability string          `json:"capability"`
	Kind       flags.OfferKind `json:"type"`
	Reason     string          `json:"reason"`
}

type demoEnablement struct {
	Region     string `json:"region"`
	Capability string `json:"capability"`
	flags.Reply
	Reason string `json:"reason"`
}

type demoAccount struct {
	Key     string        `json:"key"`
	Name    string        `json:"name"`
	Role    identity.Role `json:"role"`
	Regions []string      `json:"regions"`
}

type demoData struct {
	Regions      []demoRegion       `json:"regions"`
	Capabilities []flags.Capability `json:"capabilities"`
	Offers       []demoOffer        `json:"offers"`
	Enablements  []demoEnablement   `json:"enablements"`
	Accounts     []demoAccount      `json:"accounts"`
	Evidence     demoEvidence       `json:"evidence"`
	Governance   demoGovernance     `json:"governance"`
}

func readDemoData() (d demoData, err error) {
	for _, file := range []string{"regions", "capabilities", "offers", "enablements", "accounts", "evidence", "governance"} {
		raw, err := demoFiles.ReadFile("demo/" + file + ".yaml")
		if err != nil {
			return d, err
		}
		if err := readYAML(raw, &d); err != nil {
			return d, fmt.Errorf("demo/%s.yaml: %w", file, err)
		}
	}
	return d, nil
}

// readYAML reads YAML by the JSON names of into, and refuses names it does not know.
func readYAML(raw []byte, into any) error {
	asJSON, err := yaml.YAMLToJSON(raw)
	if err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(asJSON))
	dec.DisallowUnknownFields()
	return dec.Decode(into)
}

// seeder puts the demo's data into a running server. Every line goes through the
// same gate as in production, each by the account whose act it is.
type seeder struct {
	s       *server.Server
	now     func() time.Time
	secrets map[string]string             // account key → token
	people  map[string]identity.Principal // account key → who signed in as it
}

// seed furnishes an empty server and returns a token per account.
func seed(ctx context.Context, s *server.Server, d demoData, now func() time.Time) (map[string]string, error) {
	z := &seeder{s: s, now: now, secrets: map[string]string{}, people: map[string]identity.Principal{}}
	first, err := z.firstOperator()
	if err != nil {
		return nil, err
	}
	if err := z.regions(ctx, first, d); err != nil { // a token is for regions that exist
		return nil, err
	}
	if err := z.accounts(ctx, first, d); err != nil {
		return nil, err
	}
	operator, err := z.as(z.secrets["operator"], "the demo is set up")
	if err != nil {
		return nil, err
	}
	if _, _, err := z.s.Access.SetGroups(ctx, operator, demoGroups(d)); err != nil {
		return nil, fmt.Errorf("groups: %w", err)
	}
	if err := z.capabilities(ctx, operator, d); err != nil {
		return nil, err
	}
	if err := z.offers(ctx, operator, d); err != nil {
		return nil, err
	}
	if err := z.regulate(ctx, d.Evidence); err != nil {
		return nil, err
	}
	if err := z.enablements(ctx, d); err != nil || d.Governance.Body.Key == "" || z.s.Door == nil {
		return z.secrets, err // without a way for people to sign in nobody could sit in it
	}
	return z.secrets, z.group(ctx, d) // last: once a body stands, offers come of its motions alone
}

// firstOperator signs in with the token that the server wrote for whoever
// started it.
func (z *seeder) firstOperator() (gate.Origin, error) {
	raw, err := os.ReadFile(z.s.BootstrapFile())
	if err != nil {
		return gate.Origin{}, fault.New(fault.Internal, "no_first_token", "the demo found no first operator's token").Because(err)
	}
	return z.as(strings.TrimSpace(string(raw)), "the demo is set up")
}

func (z *seeder) as(token, reason string) (gate.Origin, error) {
	who, err := z.s.Directory.Authenticate(token, z.now())
	return gate.Origin{Actor: who, Reason: reason}, err
}

func (z *seeder) regions(ctx context.Context, o gate.Origin, d demoData) error {
	for _, r := range d.Regions {
		if _, err := z.s.Flags.SetRegion(ctx, o, r.Region); err != nil {
			return fmt.Errorf("region %s: %w", r.Key, err)
		}
		for _, f := range r.Facilities {
			f.Region = r.Key
			if _, err := z.s.Flags.SetFacility(ctx, o, f); err != nil {
				return fmt.Errorf("facility %s: %w", f.Key, err)
			}
		}
	}
	return nil
}

func (z *seeder) accounts(ctx context.Context, o gate.Origin, d demoData) error {
	for _, a := range d.Accounts {
		secret, _, _, err := z.s.Access.Issue(ctx, o, access.TokenRequest{Name: a.Name,
			Grants: []identity.Grant{{Role: a.Role, Regions: a.Regions}}, Expires: z.now().Add(30 * 24 * time.Hour)})
		if err != nil {
			return fmt.Errorf("account %s: %w", a.Key, err)
		}
		z.secrets[a.Key] = secret
	}
	return nil
}

// capabilities are written without prerequisites first, since one may name
// another that stands further down.
func (z *seeder) capabilities(ctx context.Context, o gate.Origin, d demoData) error {
	var second []flags.Capability
	for _, c := range d.Capabilities {
		if len(c.Prerequisites) > 0 {
			second = append(second, c)
			c.Prerequisites = nil
		}
		if _, err := z.s.Flags.SetCapability(ctx, o, c); err != nil {
			return fmt.Errorf("capability %s: %w", c.Key, err)
		}
	}
	for _, c := range second {
		if _, err := z.s.Flags.SetCapability(ctx, o, c); err != nil {
			return fmt.Errorf("capability %s: %w", c.Key, err)
		}
	}
	return nil
}

func (z *seeder) offers(ctx context.Context, o gate.Origin, d demoData) error {
	for _, offer := range d.Offers {
		o.Reason = offer.Reason
		if _, err := z.s.Flags.GrantOffer(ctx, o, offer.Capability, offer.Kind); err != nil {
			return fmt.Errorf("offer %s: %w", offer.Capability, err)
		}
	}
	return nil
}

func (z *seeder) enablements(ctx context.Context, d demoData) error {
	for _, e := range d.Enablements {
		lead, err := z.as(z.secrets[e.Region+"-lead"], e.Reason)
		if err != nil {
			return fmt.Errorf("the lead of %s: %w", e.Region, err)
		}
		receipt, err := z.s.Flags.AnswerOffer(ctx, lead, e.Region, e.Capability, e.Reply)
		if err != nil {
			return fmt.Errorf("%s in %s: %w", e.Capability, e.Region, err)
		}
		if receipt.Pending != nil {
			if err := z.signOff(ctx, receipt.Pending.Change); err != nil {
				return fmt.Errorf("signing %s in %s: %w", e.Capability, e.Region, err)
			}
		}
	}
	return nil
}

// signOff has a change signed by the account of each role that it asks for.
func (z *seeder) signOff(ctx context.Context, change string) error {
	v, err := z.s.Gate().Look(ctx, change)
	if err != nil {
		return err
	}
	for _, r := range v.Missing {
		account := strings.ReplaceAll(string(r.Role), "_", "-")
		who, err := z.person(ctx, account)
		if err != nil {
			return fmt.Errorf("%s, who signs: %w", account, err)
		}
		if _, err := z.s.Gate().Sign(ctx, gate.Origin{Actor: who, Reason: "Looked at when the demo is set up"}, change, v.Binding); err != nil {
			return err
		}
	}
	return nil
}
