package server

import (
	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"

	"github.com/quorate/quorate/internal/access"
)

// openDoor makes the way in for people, where an identity provider is configured.
func (s *Server) openDoor() (err error) {
	if s.cfg.OIDC.Issuer == "" {
		return nil
	}
	s.Door, err = access.NewDoor(access.DoorConfig{OIDC: s.oidc(), Store: s.store, Directory: s.Directory, Follower: s.follower,
		Now: s.cfg.Now, Log: s.cfg.Log})
	return err
}

// oidc is the configuration with the address at which browsers come: that which
// is listened at, if no other was given.
func (s *Server) oidc() access.OIDC {
	o := s.cfg.OIDC
	if o.PublicURL == "" {
		o.PublicURL = s.URL()
	}
	return o
}

// peopleRoutes adds the pages, and the operations on who may do what.
func (s *Server) peopleRoutes(router chi.Router, a huma.API) {
	access.PeopleRoutes(a, s.Access, s.Directory)
	access.DoorRoutes(a, s.Door)
	s.pageRoutes(router)
}

func (s *Server) cookies() access.Cookies { return access.Cookies{Secure: s.oidc().Secure()} }
