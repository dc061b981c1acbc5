// @ts-check

// <live-region src="/events"> shows what its page would show if it were loaded again,
// whenever the server says that something changed. It asks for the page it stands on
// and takes its own part of the answer over, so nothing is drawn twice and nothing is
// known here of what a page shows. Without script the part stands as it was sent.

/** One stream for all regions of a page. @type {Map<string, {source: EventSource, regions: Set<LiveRegion>}>} */
const streams = new Map()

class LiveRegion extends HTMLElement {
  connectedCallback() {
    const src = this.getAttribute("src")
    if (!src || !("EventSource" in window)) return
    let stream = streams.get(src)
    if (!stream) {
      const regions = new Set()
      const source = new EventSource(src)
      source.onmessage = () => refresh(regions)
      stream = { source, regions }
      streams.set(src, stream)
    }
    stream.regions.add(this)
  }

  disconnectedCallback() {
    for (const stream of streams.values()) stream.regions.delete(this)
  }
}

let asking = false
let again = false

/** Asks for the page once, however many of its regions there are. @param {Set<LiveRegion>} regions */
async function refresh(regions) {
  if (asking) { again = true; return }
  asking = true
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" }, redirect: "error" })
    if (!answer.ok) return
    const page = new DOMParser().parseFromString(await answer.text(), "text/html")
    const fresh = page.querySelectorAll("live-region")
    Array.from(document.querySelectorAll("live-region")).forEach((region, i) => {
      const next = fresh[i]
      if (next && regions.has(/** @type {LiveRegion} */ (region))) swap(region, next)
    })
  } catch {
    // The next event tries again; what is shown stays.
  } finally {
    asking = false
    if (again) { again = false; refresh(regions) }
  }
}

/** Takes the new content over, and leaves the focus where it was. @param {Element} region @param {Element} next */
function swap(region, next) {
  if (region.innerHTML === next.innerHTML) return
  const active = document.activeElement
  const inside = active && region.contains(active)
  if (inside && active instanceof HTMLElement && /^(INPUT|TEXTAREA|SELECT)$/.test(active.tagName)) return
  const href = inside ? active.getAttribute("href") : null
  region.replaceChildren(...Array.from(next.childNodes))
  if (!href) return
  for (const link of region.querySelectorAll("a[href]")) {
    if (link.getAttribute("href") === href) { /** @type {HTMLElement} */ (link).focus(); return }
  }
}

customElements.define("live-region", LiveRegion)
