import type { IncomingMessage, ServerResponse } from 'node:http';
import { OciError } from '../../oci/errors.ts';
import { type RepositoryName, parseReference, parseRepositoryName } from '../../oci/reference.ts';
import type { Need, Subject } from '../auth/access-control.ts';
import { countRequest } from './count-request.ts';
import { type RequestContext, type Handler, type MirrorSource, type Services, authorOf } from './request-context.ts';
import { challengeForUnknown, locate, onlyMirrored, splitPrefix, withHost } from './locate.ts';
import { nameUpstream } from '../server/mirrored.ts';
import { noteRoute } from '../server/route-pattern.ts';
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
  const { method = '', url = '' } = request;
  const queryStart = url.indexOf('?');
  const path = queryStart < 0 ? url : copyOf(url.slice(0, queryStart));
  const query = queryStart < 0 ? noQuery : new URLSearchParams(url.slice(queryStart + 1));
  const { prefix, rest } = splitPrefix(path);
  const found = match(method, rest === '/v2' ? '/v2/' : rest);
  if (!found) throw unknownPath(path);
  noteRoute(request, found.route.path);
  const name = found.name === undefined ? ('' as RepositoryName) : requireName(found.name);
  const lastSegment = decode(found.tail);
  const address = { prefix, namespace: query.get('ns') ?? undefined, name };
  if (isCheck(protocol, found, name))
    return serveCheck(protocol.checks, protocol.publicUrl, { request, response, head, ...address, lastSegment });
  const { repository, mirrored } = await locate(protocol, request, found, address);
  const isDefault = mirrored?.source.isNamed === false;
  const also = isDefault ? { alias: name } : { from: mountSource(query) };
  const need = { repository, ...also, upstream: upstreamRights(mirrored, found, lastSegment) };
  const subject = await countRequest(protocol, { request, response, head, route: found.route }, () =>
    authorized(protocol, request, found, need, prefix !== undefined),
  );
  if (mirrored && found.route.access === 'add') throw onlyMirrored(mirrored);
  if (changesContent(found, request)) await protocol.mode?.assertWritable();
  if (mirrored) nameUpstream(response, mirrored.source.upstream.name);
  if (found.route.sendsHead !== true) setCommonHeaders(response, head);
  const context = { protocol, request, response, head, query, subject, repository, mirrored, path, lastSegment };
  try {
    await serve(found, context);
  } catch (error) {
    if (isDefault) await challengeForUnknown(protocol, request, name, error);
    throw mirrored || found.route.access !== 'pull' ? error : withHost(protocol, name, error);
  }
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

function authorized(
  { access }: Services,
  request: IncomingMessage,
  { route }: Match,
  need: Omit<Need, 'action'>,
  hasUpstreamPrefix: boolean,
): Promise<Subject> {
  // A client that uses the name of an upstream has logins for that upstream, not for this registry: it gets no challenge.
  if (route.access === 'any') return hasUpstreamPrefix ? access.recognise(request) : access.authenticate(request);
  if (route.access === 'list') return access.checkList(request);
  return access.check(request, { ...need, action: route.access });
}

/** Returns who may read the repository at its upstream; undefined for requests that do not read. */
function upstreamRights(mirrored: MirrorSource | undefined, { route }: Match, lastSegment: string): Need['upstream'] {
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
