/** A challenge in a `WWW-Authenticate` header (RFC 9110, section 11; distribution-spec's token authentication). */
export type Challenge =
  | { readonly scheme: 'basic' }
  | { readonly scheme: 'bearer'; readonly realm: URL; readonly service: string | undefined; readonly scope: string | undefined };

/** Returns the first challenge that can be met; undefined where there is none. */
export function parseChallenge(header: string | undefined): Challenge | undefined {
  const bearer = /\bbearer\s+(.*)$/i.exec(header ?? '');
  if (bearer) {
    const parameters = new Map(
      [...(bearer[1] ?? '').matchAll(/(\w+)="([^"]*)"/g)].map(([, name = '', value = '']) => [name.toLowerCase(), value]),
    );
    const realm = URL.parse(parameters.get('realm') ?? '');
    if (realm && /^https?:$/.test(realm.protocol))
      return { scheme: 'bearer', realm, service: parameters.get('service'), scope: parameters.get('scope') };
  }
  return /\bbasic\b/i.test(header ?? '') ? { scheme: 'basic' } : undefined;
}

/**
 * Whether a token server may see the registry's credential: it is the registry's own host, or of the same registered
 * domain (`auth.docker.io` for `registry-1.docker.io`).
 */
export function mayTrust(realm: URL, registry: URL): boolean {
  if (registry.protocol === 'https:' && realm.protocol !== 'https:') return false;
  if (realm.hostname === registry.hostname) return true;
  const parent = registry.hostname.slice(registry.hostname.indexOf('.') + 1);
  const isDomain = /^[a-z0-9-]{4,}\.[a-z]{2,}$|\.[a-z0-9-]{4,}\.[a-z]{2,}$|\.[a-z0-9-]+\.[a-z]{3,}$/.test(parent);
  return isDomain && (realm.hostname === parent || realm.hostname.endsWith(`.${parent}`));
}
