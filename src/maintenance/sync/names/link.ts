/**
 * Returns the next page of `Link: <…>; rel="next"`, on the host that was asked: a registry must not lead requests elsewhere.
 * `asked`: the address of the listing.
 */
export function linkOf(link: string | readonly string[] | undefined, asked: URL): URL | undefined {
  const text = Array.isArray(link) ? link.join(', ') : ((link as string | undefined) ?? '');
  const [, written] = /<([^>]*)>\s*;[^,]*rel="?next"?/i.exec(text) ?? [];
  const next = written === undefined ? null : URL.parse(written, asked.href);
  if (!next) return undefined;
  const url = new URL(asked);
  url.search = next.search;
  return url;
}
