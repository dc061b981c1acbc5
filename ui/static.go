package ui

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"path"
	"strings"
)

//go:embed static/*
var staticFiles embed.FS

// An asset is a file that pages need.
type asset struct {
	body        []byte
	contentType string
}

var contentTypes = map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}

// assets are the files by the name under which they are served, which has the
// digest of what is in them; assetPaths are those names by the plain one.
var assets, assetPaths = func() (map[string]asset, map[string]string) {
	byName, paths := map[string]asset{}, map[string]string{}
	files, err := staticFiles.ReadDir("static")
	if err != nil {
		panic(err)
	}
	for _, f := range files {
		body, err := staticFiles.ReadFile("static/" + f.Name())
		if err != nil {
			panic(err)
		}
		ext := path.Ext(f.Name())
		sum := sha256.Sum256(body)
		served := strings.TrimSuffix(f.Name(), ext) + "-" + hex.EncodeToString(sum[:8]) + ext
		byName[served] = asset{body: body, contentType: contentTypes[ext]}
		paths[f.Name()] = "/static/" + served
	}
	return byName, paths
}()

// assetPath is where a file is served. A template that names one that is not
// there fails when it is executed.
func assetPath(name string) (string, error) {
	if p, ok := assetPaths[name]; ok {
		return p, nil
	}
	return "", http.ErrMissingFile
}

func serveAsset(w http.ResponseWriter, r *http.Request, name string) bool {
	a, ok := assets[name]
	if !ok {
		return false
	}
	h := w.Header()
	h.Set("Content-Type", a.contentType)
	h.Set("Cache-Control", "public, max-age=31536000, immutable") // another content has another name
	body := packed(w, r, a.body)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // the browser has gone
	}
	return true
}

// Assets serves the files that pages need below /static/, for a page that is
// written elsewhere.
func Assets() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !serveAsset(w, r, strings.TrimPrefix(r.URL.Path, "/static/")) {
			http.NotFound(w, r)
		}
	})
}
