import type { IncomingMessage, ServerResponse } from 'node:http';
import { OciError } from '../../oci/errors.ts';
import { type RepositoryName, parseReference, parseRepositoryName } from '../../oci/reference.ts';
import type { Need, Subject } from '../auth/access-control.ts';
import { countRequest } from './count-request.ts';
import { type RequestContext, type Handler, type MirrorSource, type Services, authorOf } from './request-context.ts';
import { type Place, challengeForUnknown, locate, onlyMirrored, splitPrefix, withHost } from './locate.ts';
import { nameUpstream } from '../server/mirrored.ts';
import { type ResponseHead, setCommonHeaders } from '../server/response-head.ts';
import { isCheck, serveCheck } from './client-check.ts';
import { type Match, match } from './router.ts';

/** Serves a request below `/v2`: finds its route, parses its name, checks the access and runs the handler. */
export async function serveProtocol(
  protocol: Services,
  request: IncomingMessage,
  response: ServerResponse,
  head: ResponseHead,
): Promise<void> {
  const target = parseTarget(request, head);
  if (isCheck(protocol, target.found, target.name))
    return serveCheck(protocol.checks, protocol.publicUrl, { request, response, head, ...target });
  // Each `await` makes garbage, and a pull without a login waits for neither of these two.
  const located = locate(protocol, request, target);
  const place = located instanceof Promise ? await located : located;
  const counted = countRequest(protocol, { request, response, head, route: target.found.route }, () =>
    authorized(protocol, request, target, place),
  );
  const subject = counted instanceof Promise ? await counted : counted;
  const { found, name } = target;
  const { repository, mirrored } = place;
  if (mirrored && found.route.access === 'add') throw onlyMirrored(mirrored);
  if (changesContent(found, request)) await protocol.mode?.assertWritable();
  if (mirrored) nameUpstream(response, mirrored.source.upstream.name);
  if (found.route.sendsHead !== true) setCommonHeaders(response, head);
  const { query, path, lastSegment } = target;
  try {
    await serve(found, { protocol, request, response, head, query, subject, repository, mirrored, path, lastSegment });
  } catch (error) {
    if (isFallback(place)) await challengeForUnknown(protocol, request, name, error);
    throw mirrored || found.route.access !== 'pull' ? error : withHost(protocol, name, error);
  }
}

/** What a request asks for. */
interface Target {
  readonly found: Match;
  /** The path as the client sent it, without its query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** The upstream that a prefix of the path names. */
  readonly prefix: string | undefined;
  /** The upstream that the query names (`ns`). */
  readonly namespace: string | undefined;
  /** '' if the route has no repository. */
  readonly name: RepositoryName;
  readonly lastSegment: string;
}

/** Throws UNSUPPORTED, NAME_INVALID, DIGEST_INVALID. */
function parseTarget({ method = '', url = '' }: IncomingMessage, head: ResponseHead): Target {
  const queryStart = url.indexOf('?');
  const path = queryStart < 0 ? url : copyOf(url.slice(0, queryStart));
  const query = queryStart < 0 ? noQuery : new URLSearchParams(url.slice(queryStart + 1));
  const { prefix, rest } = splitPrefix(path);
  const found = match(method, rest === '/v2' ? '/v2/' : rest);
  if (!found) throw unknownPath(path);
  head.route = found.route.path;
  const name = found.name === undefined ? ('' as RepositoryName) : requireName(found.name);
  return { found, path, query, prefix, namespace: query.get('ns') ?? undefined, name, lastSegment: decode(found.tail) };
}

/** True for requests that maintenance mode refuses; the state of an upload can be read. */
function changesContent({ route: { access } }: Match, { method }: IncomingMessage): boolean {
  return (access === 'add' || access === 'delete') && method !== 'GET' && method !== 'HEAD';
}

const noQuery = new URLSearchParams();

/** Copies a part of a string. V8 keeps the whole string for a part: a cached name would keep a query of up to 16 KiB. */
function copyOf(part: string): string {
  return Buffer.from(part, 'latin1').toString('latin1');
}

function serve({ route: { audit, handler } }: Match, context: RequestContext): Promise<void> {
  return audit === undefined ? handler(context) : recordingRefusal(handler, context, audit);
}

/** Runs the handler and records a change that it refuses. A change that it makes records itself. */
async function recordingRefusal(handler: Handler, context: RequestContext, action: string): Promise<void> {
  try {
    await handler(context);
  } catch (error) {
    const { protocol, repository, lastSegment } = context;
    if (error instanceof OciError && error.status === 403) {
      const detail = JSON.stringify({ reference: lastSegment.slice(0, 200) });
      protocol.audit?.record({ ...authorOf(context), action, target: repository, result: 'refused', detail });
    }
    throw error;
  }
}

/** Throws what `AccessControl.check` throws. */
function authorized({ access }: Services, request: IncomingMessage, target: Target, place: Place): Subject | Promise<Subject> {
  const { access: action } = target.found.route;
  // A client that uses the name of an upstream has logins for that upstream, not for this registry: it gets no challenge.
  if (action === 'any') return target.prefix === undefined ? access.authenticate(request) : access.recognise(request);
  if (action === 'list') return access.checkList(request);
  const { repository, mirrored } = place;
  const names = isFallback(place)
    ? { alias: target.name, from: undefined }
    : { alias: undefined, from: mountSource(target.query) };
  return access.check(request, { action, repository, ...names, upstream: upstreamRights(mirrored, target) });
}

/** True if the name means a repository of the default upstream. */
function isFallback({ mirrored }: Place): boolean {
  return mirrored?.source.isNamed === false;
}

/** Returns who may read the repository at its upstream; undefined for requests that do not read. */
function upstreamRights(mirrored: MirrorSource | undefined, { found: { route }, lastSegment }: Target): Need['upstream'] {
  if (!mirrored || route.access !== 'pull') return undefined;
  const { mirror, source } = mirrored;
  const namesManifest = /\/(?:manifests|referrers)\/<\w+>$/.test(route.path);
  const reference = namesManifest ? parseReference(lastSegment) : undefined;
  return {
    isPublic: () => mirror.visibility.isPublic(source, reference),
    proves: (authorization) => mirror.passThrough.proves(source, reference, authorization),
    challenge: () => mirror.passThrough.challenge(source),
  };
}

/** Returns the repository from which the client mounts a blob. */
function mountSource(query: URLSearchParams): RepositoryName | undefined {
  const from = query.has('mount') ? query.get('from') : null;
  return from === null ? undefined : parseRepositoryName(from);
}

function requireName(text: string): RepositoryName {
  const name = parseRepositoryName(text);
  if (!name) throw new OciError('NAME_INVALID', { detail: { name: text.slice(0, 300) } });
  return name;
}

/** Clients may escape the colon of a digest. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new OciError('DIGEST_INVALID', { message: 'the path is not properly escaped' });
  }
}

function unknownPath(path: string): OciError {
  return new OciError('UNSUPPORTED', {
    status: 404,
    message: 'not found: the registry protocol has no such path',
    detail: { path: path.slice(0, 300) },
  });
}
