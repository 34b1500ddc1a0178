import { ConfigError } from '../../config/config-error.ts';
import { whereSet } from '../../config/load.ts';
import type { Config } from '../../config/schema.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import { type Pattern, matches, parsePattern } from '../oci/patterns/repository-pattern.ts';
import { type AccessControl, openAccess } from '../http/auth/access-control.ts';
import { createLimitedAccess } from '../http/auth/limited-access.ts';
import { createPassThroughAccess } from '../http/auth/pass-through-access.ts';
import { createPullOnlyAccess } from '../http/auth/pull-only-access.ts';
import type { Mirror } from '../mirror/mirror.ts';
import { type Upstream, hasLogins, namespaceOf, remoteNameOf } from '../upstream/upstream.ts';
import { type RepositoryName, parseRepositoryName } from '../oci/reference.ts';

/**
 * Makes the access control of mode open: every client may do what `access.openActions` allows, except to read private content
 * of upstreams that have or had `passThrough`, and to push into names of the default upstream.
 */
export function openControl(config: Config, mirror: Mirror, metadata: MetadataStore): AccessControl {
  const control = createLimitedAccess(createUpstreamControl(mirror, metadata), config.access.openActions);
  const { default: upstream } = config.mirror;
  if (upstream === undefined) return control;
  const isPullOnly = pullOnlyNames(upstream, readAllowPush(config), metadata);
  return createPullOnlyAccess(control, { upstream, isPullOnly });
}

/** The present upstreams decide at each request: a reload may change them. */
function createUpstreamControl(mirror: Mirror, metadata: MetadataStore): AccessControl {
  const { names } = mirror.passedThrough;
  // After `passThrough`, what berth has read with a login is for everyone only while everyone uses a login of berth.
  const isOpenUpstream = (upstream: Upstream) =>
    upstream.passThrough !== true && (hasLogins(upstream) || !names.has(upstream.name));
  const isOpen = (name: string) =>
    mirror.upstreams().some((upstream) => isOpenUpstream(upstream) && namespaceOf(upstream) === name);
  const limited = createPassThroughAccess({ metadata, upstreams: mirror.visibility, isOpen });
  const isLimited = () => {
    if (names.size === 0) return false;
    const open = new Set(
      mirror
        .upstreams()
        .filter(isOpenUpstream)
        .map(({ name }) => name),
    );
    return [...names].some((name) => !open.has(name));
  };
  const current = () => (isLimited() ? limited : openAccess);
  return {
    authenticate: (request) => current().authenticate(request),
    recognise: (request) => current().recognise(request),
    check: (request, need) => current().check(request, need),
    allows: (subject, action, repository) => current().allows(subject, action, repository),
    knows: (request, repository) => current().knows(request, repository),
    checkList: (request) => current().checkList(request),
    seesAll: (subject) => current().seesAll(subject),
    visibilities: () => current().visibilities(),
    visible: (subject, after) => current().visible(subject, after),
    mountable: (subject) => current().mountable(subject),
  };
}

/**
 * Returns what decides whether a name belongs to the default upstream: `library/…`, which are Docker's own images, and every
 * name that is mirrored from there. A push would hide the upstream's image from every client that uses berth as its mirror.
 * A name that was pushed before the upstream's image was mirrored stays free.
 */
function pullOnlyNames(upstream: string, allowed: readonly Pattern[], metadata: MetadataStore) {
  return async (name: RepositoryName): Promise<boolean> => {
    if (allowed.some((pattern) => matches(pattern, name))) return false;
    if (name.startsWith('library/')) return true;
    const mirrored = parseRepositoryName(`${namespaceOf({ name: upstream })}/${remoteNameOf({ name: upstream }, name)}`);
    if (!mirrored || !(await metadata.repositories.exists(mirrored)) || (await metadata.repositories.isPushed(mirrored)))
      return false;
    return !(await metadata.repositories.isPushed(name));
  };
}

/** Reads `mirror.allowPush`. Throws `ConfigError` for an invalid pattern. */
export function readAllowPush(config: Config): readonly Pattern[] {
  const where = whereSet(config, ['mirror', 'allowPush']);
  const errors: string[] = [];
  const patterns = config.mirror.allowPush.flatMap((text) => {
    const pattern = parsePattern(text);
    if (!pattern)
      errors.push(`mirror.allowPush: ${text} is not a pattern of repositories, such as team-a/app or library/our-*${where}`);
    return pattern ?? [];
  });
  if (errors.length > 0) throw new ConfigError(errors);
  return patterns;
}

/** Throws `ConfigError` if there are accounts: mode open would ignore their grants and show private repositories. */
export async function refuseIgnoredAccounts({ access }: Pick<Config, 'access'>, metadata: MetadataStore): Promise<void> {
  if (access.ignoreAccounts || (await metadata.accounts.list('user', '', 1)).length === 0) return;
  throw new ConfigError([
    'access.mode is open, but this data has accounts and grants, which mode open ignores: every client could pull, push and ' +
      'delete what they protect. Set access.mode to token, or access.ignoreAccounts to true if that is what you want',
  ]);
}
