import type { IncomingMessage } from 'node:http';
import { OciError } from '../../oci/errors.ts';
import type { RepositoryName } from '../../oci/reference.ts';
import { hostIn } from '../../mirror/names/routing.ts';
import { classify } from '../errors/classify.ts';
import type { MirrorSource, Services } from './request-context.ts';
import type { Match } from './router.ts';

/** Splits `/ghcr.io/v2/…` into the name of an upstream and the path of the protocol. */
export function splitPrefix(path: string): { prefix: string | undefined; rest: string } {
  if (path.startsWith('/v2')) return { prefix: undefined, rest: path };
  const slash = path.indexOf('/', 1);
  return { prefix: path.slice(1, slash), rest: path.slice(slash) };
}

/** The repository of a request; `mirrored` if it belongs to an upstream. */
export interface Place {
  /** Its name in this registry, whatever name the request used. */
  readonly repository: RepositoryName;
  readonly mirrored: MirrorSource | undefined;
}

/** The parts of a request that name its repository. */
export interface AddressedRequest {
  readonly found: Match;
  readonly prefix: string | undefined;
  readonly namespace: string | undefined;
  readonly name: RepositoryName;
}

/** Finds the repository of a request; at once where nothing has to be looked up. */
export function locate(
  { mirror, publicUrl, access }: Services,
  request: IncomingMessage,
  { found: { route, name: nameInPath }, prefix, namespace, name }: AddressedRequest,
): Place | Promise<Place> {
  const local = { repository: name, mirrored: undefined };
  if (!mirror || nameInPath === undefined) return local;
  const found = mirror.locate({
    prefix,
    namespace,
    ownHost: () => new URL(publicUrl.base(request)).host,
    name,
    mayKnow: () => access.knows(request, name),
  });
  return found === undefined
    ? local
    : found.then((source) => {
        if (!source || (route.access !== 'pull' && !source.isNamed)) return local;
        return { repository: source.repository, mirrored: source.isPushed ? undefined : { mirror, source } };
      });
}

export function onlyMirrored({ source: { repository, upstream } }: MirrorSource): OciError {
  return new OciError('DENIED', { message: `${repository} is mirrored from ${upstream.name}: nothing can be pushed into it` });
}

/**
 * Called when a name that may also be the name of a local repository was looked up at the default upstream, with the error of
 * the lookup. If the upstream does not have it, throws a challenge for a client without a login: with its login it may see a
 * local one.
 */
export async function challengeForUnknown(
  { access }: Services,
  request: IncomingMessage,
  name: RepositoryName,
  error: unknown,
): Promise<void> {
  const isUnknown = classify(error).status === 404;
  if (isUnknown && !(await access.knows(request, name))) await access.check(request, { action: 'pull', repository: name });
}

/**
 * Returns the error of a lookup in a local repository. If there is no such repository and its name begins with the host of a
 * registry, the error says that this registry is not mirrored.
 */
export function withHost({ mirror }: Services, name: RepositoryName, error: unknown): unknown {
  const host = mirror && hostIn(name);
  if (host === undefined || !(error instanceof OciError) || error.status !== 404) return error;
  const { code, status, headers } = error;
  const message = `${error.message}; ${host} is not mirrored here: mirror.upstreams has no such registry`;
  return new OciError(code, { message, status, headers, detail: error.entries[0]?.detail, cause: error });
}
