import { type RepositoryName, parseRepositoryName } from '../oci/reference.ts';
import type { CredentialSource } from './credential.ts';

/** A registry that may be mirrored. */
export interface Upstream {
  /** Its host, as image names have it: `docker.io`. Also the first part of the names of its mirrored repositories. */
  readonly name: string;
  /** Where its API answers. */
  readonly url: URL;
  /** Where its search answers, if it shall be asked. */
  readonly searchUrl: URL | undefined;
  /** The first login whose pattern matches the repository is used. */
  readonly logins: readonly UpstreamLogin[];
  /** That all downloads of a process from it may use; undefined: no limit. */
  readonly bytesPerSecond: number | undefined;
  /** That downloads of a process may have to one of its hosts at a time; further ones wait. */
  readonly connections: number;
  /** Certificates (PEM) of the authorities that vouch for it, beside the system's. */
  readonly ca: string | undefined;
  /** Hosts that its redirects may lead to, although they have private addresses. */
  readonly redirects: readonly string[];
  /** True if in mode open only clients with a token of the upstream may read what it does not show to everyone. */
  readonly passThrough?: boolean;
}

/** berth's login for some repositories of an upstream. */
export interface UpstreamLogin {
  readonly matches: (remoteName: string) => boolean;
  readonly source: CredentialSource;
}

/** True if berth uses a login when it reads the repository. */
export function usesLogin({ logins }: Upstream, remoteName: string): boolean {
  const login = logins.find(({ matches }) => matches(remoteName));
  return login !== undefined && isLogin(login);
}

/** Returns the place in the configuration of the login that reads the repository. */
export function loginKeyOf({ logins }: Pick<Upstream, 'logins'>, remoteName: string): string | undefined {
  return logins.find(({ matches }) => matches(remoteName))?.source.key;
}

/** True if berth uses a login for some repositories of the upstream. */
export function hasLogins({ logins }: Upstream): boolean {
  return logins.some(isLogin);
}

function isLogin({ source: { username, command } }: UpstreamLogin): boolean {
  return username !== undefined || command !== undefined;
}

/** Docker Hub under all its names. */
export const dockerHub = 'docker.io';
const dockerHubAliases = ['index.docker.io', 'registry-1.docker.io', 'registry.hub.docker.com'];

/** The closed list of upstreams, found by any of their names, and by the one that their repositories have here. */
export interface Upstreams {
  readonly all: readonly Upstream[];
  find(host: string): Upstream | undefined;
}

/** A list that can change while the server runs. */
export interface LiveUpstreams extends Upstreams {
  /** Makes `next` the list. Requests in progress go on with the definitions that they have. */
  replace(next: readonly Upstream[]): void;
}

export function createUpstreams(first: readonly Upstream[]): LiveUpstreams {
  let all: readonly Upstream[];
  let byName: ReadonlyMap<string, Upstream>;
  function replace(next: readonly Upstream[]): void {
    all = next;
    byName = new Map(next.flatMap((upstream) => [upstream.name, namespaceOf(upstream)].map((name) => [name, upstream])));
  }
  replace(first);
  return {
    get all() {
      return all;
    },
    find: (host) => byName.get(dockerHubAliases.includes(host) ? dockerHub : host),
    replace,
  };
}

/** Returns the upstream's name as part of a repository name, where a port's colon cannot stand. */
export function namespaceOf({ name }: Pick<Upstream, 'name'>): string {
  return name.replace(':', '_');
}

/** Returns the repository's name at the upstream: "alpine" is `library/alpine` at Docker Hub. */
export function remoteNameOf({ name: upstream }: Pick<Upstream, 'name'>, name: string): string {
  return upstream === dockerHub && !name.includes('/') ? `library/${name}` : name;
}

/** Returns the name here of a repository of the upstream; undefined if it would be no valid name. */
export function mirroredName(upstream: Pick<Upstream, 'name'>, remoteName: string): RepositoryName | undefined {
  return parseRepositoryName(`${namespaceOf(upstream)}/${remoteNameOf(upstream, remoteName)}`);
}
