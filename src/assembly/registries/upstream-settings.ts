import { readFile } from 'node:fs/promises';
import { ConfigError } from '../../../config/config-error.ts';
import { whereSet } from '../../../config/load.ts';
import type { Config } from '../../../config/schema.ts';
import { matches, mostSpecificFirst, parsePattern } from '../../oci/patterns/repository-pattern.ts';
import type { CredentialSource } from '../../upstream/credential.ts';
import type { Upstream, UpstreamLogin } from '../../upstream/upstream.ts';

/** `proxy.example:3128` is `http://proxy.example:3128`, as in curl and Go. */
export function withScheme(proxy: string | undefined): string | undefined {
  return proxy === undefined || proxy.includes('://') ? proxy : `http://${proxy}`;
}

/** `mirror.upstreams` of the configuration. Rejects with `ConfigError` for patterns and files that cannot be read. */
export async function readUpstreams(config: Pick<Config, 'mirror'>): Promise<readonly Upstream[]> {
  const errors: string[] = [];
  const upstreams = Object.entries(config.mirror.upstreams).map(([name, settings]) => {
    const where = (field: string) => whereSet(config, ['mirror', 'upstreams', name, field]);
    return toUpstream(name, settings, where, errors);
  });
  const read = await Promise.all(upstreams);
  if (errors.length > 0) throw new ConfigError(errors);
  return read;
}

/** Reads `registries` of the configuration. Rejects as `readUpstreams` does. */
export async function readRegistries(config: Pick<Config, 'registries'>): Promise<readonly Upstream[]> {
  const errors: string[] = [];
  const registries = Object.entries(config.registries).map(([name, settings]) => {
    const where = (field: string) => whereSet(config, ['registries', name, field]);
    return toUpstream(name, { ...settings, search: undefined, passThrough: false }, where, errors, 'registries');
  });
  const read = await Promise.all(registries);
  if (errors.length > 0) throw new ConfigError(errors);
  return read;
}

type UpstreamSettings = Config['mirror']['upstreams'][string];
type LoginSettings = UpstreamSettings['logins'][string];

/** `where` returns the end of a message: where a key of this upstream was set. `section`: the key that holds it. */
async function toUpstream(
  name: string,
  settings: UpstreamSettings,
  where: (field: string) => string,
  errors: string[],
  section = 'mirror.upstreams',
): Promise<Upstream> {
  const key = `${section}.${name}`;
  const { url, ca, redirects, logins, bandwidth, connections, search, passThrough, ...login } = settings;
  const address = new URL(url);
  if (address.username !== '' || address.password !== '')
    errors.push(
      `${key}.url holds a login: write it as ${key}.username and ${key}.password, so that berth knows of it${where('url')}`,
    );
  return {
    name,
    url: address,
    searchUrl: search === undefined ? undefined : new URL(search),
    logins: [
      ...byPattern(`${key}.logins`, logins, where('logins'), errors),
      { matches: () => true, source: toSource(key, login) },
    ],
    bytesPerSecond: bandwidth === 0 ? undefined : bandwidth,
    connections,
    ca:
      ca === undefined
        ? undefined
        : await readFile(ca, 'utf8').catch(noting(errors, `${key}.ca: cannot read ${ca}${where('ca')}`)),
    redirects,
    passThrough,
  };
}

/** The most special pattern first. */
function byPattern(key: string, logins: UpstreamSettings['logins'], where: string, errors: string[]): readonly UpstreamLogin[] {
  return Object.entries(logins)
    .flatMap(([text, login]) => {
      const pattern = parsePattern(text);
      if (!pattern)
        errors.push(`${key}: ${text} is not a pattern of repositories, such as team-a/app, team-a/* or team-a/**${where}`);
      return pattern ? { pattern, source: toSource(`${key}.${text}`, login) } : [];
    })
    .sort((one, other) => mostSpecificFirst(one.pattern, other.pattern))
    .map(({ pattern, source }) => ({ matches: (remoteName) => matches(pattern, remoteName), source }));
}

function toSource(key: string, { username, password, passwordFile, credentialCommand }: LoginSettings): CredentialSource {
  return { key, username, password, passwordFile, command: credentialCommand?.split(/\s+/) };
}

function noting(errors: string[], what: string): (error: Error) => undefined {
  return (error) => void errors.push(`${what}: ${error.message}`);
}
