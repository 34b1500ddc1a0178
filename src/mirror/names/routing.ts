import { OciError } from '../../oci/errors.ts';
import type { RepositoryName } from '../../oci/reference.ts';
import { type Upstream, type Upstreams, dockerHub, mirroredName, remoteNameOf } from '../../upstream/upstream.ts';

/** A repository of an upstream, and how the client requested it. */
export interface MirroredRepository {
  readonly upstream: Upstream;
  /** Its name there: `library/alpine`. */
  readonly remoteName: string;
  /** Its name here: `docker.io/library/alpine`. */
  readonly repository: RepositoryName;
  /**
   * True if the client can fall back to the upstream: it uses berth as a mirror (`ns`, or a name without a host). A client
   * that names berth and the upstream has no fallback.
   */
  readonly hasFallback: boolean;
  /** True if the repository was pushed: then it is served as it was pushed, and the upstream is never asked. */
  readonly isPushed: boolean;
  /** True if the request names the upstream; false if it fell through to `mirror.default`. */
  readonly isNamed: boolean;
}

/** The parts of a request that decide which repository it means. */
export interface Address {
  /** The path's part before `/v2`: `/ghcr.io/v2/…`. */
  readonly prefix: string | undefined;
  /** `?ns=`: the registry that the client would use without a mirror (distribution-spec, "Registry Proxying"). */
  readonly namespace: string | undefined;
  /** Returns the host by which the client reached berth. */
  readonly ownHost: () => string;
  readonly name: RepositoryName;
  /**
   * True if the client may know whether berth has a repository of this name. For other clients the name always means the
   * default upstream, so that the answer does not show which repositories exist.
   */
  readonly mayKnow: () => Promise<boolean>;
}

export interface RoutingOptions {
  readonly upstreams: Upstreams;
  /** Name of the upstream for names without a host. */
  readonly fallback: string | undefined;
  /** True if the repository was pushed. */
  readonly isPushed: (name: RepositoryName) => Promise<boolean>;
}

/**
 * Finds the upstream of a repository; `undefined`, at once or as the promise's result, for berth's own repositories. Prefixes
 * and `ns` are looked up in the closed list of upstreams and never dialled: throws NAME_UNKNOWN for others. Pushed
 * repositories win over mirrored ones.
 */
export function createRouting({ upstreams, fallback: fallbackName, isPushed }: RoutingOptions) {
  function listed(host: string): Upstream {
    const upstream = upstreams.find(host.toLowerCase());
    if (!upstream) throw new OciError('NAME_UNKNOWN', { message: `${host.slice(0, 100)} is not mirrored here` });
    return upstream;
  }

  return ({ prefix, namespace, ownHost, name, mayKnow }: Address): Promise<MirroredRepository | undefined> | undefined => {
    const source = namespace !== undefined && namespace === ownHost() ? undefined : (namespace ?? prefix);
    if (source !== undefined) {
      const upstream = listed(source);
      return withPushed(
        toMirrored(upstream, withoutHost(upstream, name), { hasFallback: namespace !== undefined, isNamed: true }),
      );
    }
    const { host, rest } = splitHost(name);
    const named = upstreams.find(host);
    if (named && rest !== '') return withPushed(toMirrored(named, rest, { hasFallback: false, isNamed: true }));
    const fallback = fallbackName === undefined ? undefined : upstreams.find(fallbackName);
    // Docker Hub has no names with dots before the slash: it is not asked for images of other registries.
    if (fallback?.name === dockerHub && hostIn(name) !== undefined) return undefined;
    return fallback && namespace === undefined ? fromFallback(fallback, name, mayKnow) : undefined;
  };

  async function fromFallback(
    upstream: Upstream,
    name: RepositoryName,
    mayKnow: Address['mayKnow'],
  ): Promise<MirroredRepository | undefined> {
    if ((await mayKnow()) && (await isPushed(name))) return undefined;
    return withPushed(toMirrored(upstream, name, { hasFallback: true, isNamed: false }));
  }

  /** BuildKit sends both: the upstream's name in the path and in `ns`. */
  function withoutHost(upstream: Upstream, name: string): string {
    const { host, rest } = splitHost(name);
    return rest !== '' && upstreams.find(host) === upstream ? rest : name;
  }

  async function withPushed(mirrored: Omit<MirroredRepository, 'isPushed'>): Promise<MirroredRepository> {
    return { ...mirrored, isPushed: await isPushed(mirrored.repository) };
  }
}

export type Routing = ReturnType<typeof createRouting>;

/** Returns the first part of a name that looks like a registry's host: `nvcr.io` in `nvcr.io/nvidia/cuda`. */
export function hostIn(name: string): string | undefined {
  const { host, rest } = splitHost(name);
  return rest !== '' && host.includes('.') ? host : undefined;
}

function splitHost(name: string): { host: string; rest: string } {
  const slash = name.indexOf('/');
  return slash < 0 ? { host: name, rest: '' } : { host: name.slice(0, slash), rest: name.slice(slash + 1) };
}

function toMirrored(
  upstream: Upstream,
  name: string,
  how: Pick<MirroredRepository, 'hasFallback' | 'isNamed'>,
): Omit<MirroredRepository, 'isPushed'> {
  const repository = mirroredName(upstream, name);
  if (!repository) throw new OciError('NAME_INVALID', { detail: { name: name.slice(0, 300) } });
  return { upstream, remoteName: remoteNameOf(upstream, name), repository, ...how };
}
