import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ClientChecks } from '../../mirror/check/client-checks.ts';
import type { Mirror } from '../../mirror/mirror.ts';
import type { MaintenanceMode } from '../../maintenance/mode/maintenance-mode.ts';
import type { MirroredRepository } from '../../mirror/names/routing.ts';
import type { Author } from '../../registry/author.ts';
import type { Registry } from '../../registry/registry.ts';
import type { Digest } from '../../oci/digest.ts';
import { parseDigest } from '../../oci/digest.ts';
import { OciError } from '../../oci/errors.ts';
import { type Reference, type RepositoryName, parseReference } from '../../oci/reference.ts';
import type { PullMessages } from '../../webhooks/pulls.ts';
import type { Audit } from '../../access/accounts/audit.ts';
import type { AccessControl, Subject } from '../auth/access-control.ts';
import type { PublicUrl } from '../server/public-url.ts';
import type { RateLimits } from '../server/rate-limits.ts';
import type { ResponseHead } from '../server/response-head.ts';

/** The services of the protocol's handlers. */
export interface Services {
  readonly registry: Registry;
  /** Undefined if nothing is mirrored. */
  readonly mirror: Mirror | undefined;
  readonly access: AccessControl;
  /** Records refusals; undefined if there is no audit log. Changes of content record themselves in their transaction. */
  readonly audit?: Pick<Audit, 'record'> | undefined;
  /** Makes messages of pulls for webhooks; undefined if there are none. */
  readonly pulled?: PullMessages['add'] | undefined;
  readonly publicUrl: PublicUrl;
  /** Whether clients may change content; undefined in tests without stores. */
  readonly mode?: Pick<MaintenanceMode, 'assertWritable'> | undefined;
  /** One-time images; undefined if there are none. */
  readonly checks?: ClientChecks | undefined;
  /** Undefined in tests without limits. */
  readonly limits?: RateLimits | undefined;
  /** True if `Location` headers have the host. */
  readonly absoluteLocations: boolean;
  readonly largestManifestBytes: number;
}

/** A repository that is served on behalf of an upstream. */
export interface MirrorSource {
  readonly mirror: Mirror;
  readonly source: MirroredRepository;
}

/** One request and its response, parsed. */
export interface RequestContext {
  readonly protocol: Services;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly head: ResponseHead;
  readonly query: URLSearchParams;
  readonly subject: Subject;
  /** '' if the route has no repository. */
  readonly repository: RepositoryName;
  /** Undefined if the repository belongs to no upstream. */
  readonly mirrored: MirrorSource | undefined;
  /** The path as the client sent it, without its query. */
  readonly path: string;
  /** The last part of the path, decoded: a digest, a reference or an upload id, not yet parsed. */
  readonly lastSegment: string;
}

export type Handler = (context: RequestContext) => Promise<void>;

/** Returns the client for the event that records a change. */
export function authorOf({ protocol, request, response, subject }: RequestContext): Author {
  const requestId = String(response.getHeader('X-Request-Id'));
  return { actor: subject.name, address: protocol.publicUrl.clientAddress(request), requestId };
}

/** Returns the digest in the path. Throws DIGEST_INVALID. */
export function digestOf({ lastSegment }: RequestContext): Digest {
  return requireDigest(lastSegment);
}

/** Parses a digest that a client sent. Throws DIGEST_INVALID. */
export function requireDigest(text: string): Digest {
  const digest = parseDigest(text);
  if (!digest)
    throw new OciError('DIGEST_INVALID', {
      message: 'not a sha256 or sha512 digest in lower-case hex',
      detail: { digest: text.slice(0, 200) },
    });
  return digest;
}

/** Returns the reference in the path; undefined if it can be neither tag nor digest. Throws DIGEST_INVALID. */
export function referenceOf({ lastSegment }: RequestContext): Reference | undefined {
  return lastSegment.includes(':') ? { digest: requireDigest(lastSegment) } : parseReference(lastSegment);
}

/** Sets `Location` in the configured form. `path` begins with a slash. */
export function setLocation({ protocol, request, response }: RequestContext, path: string): void {
  response.setHeader('Location', protocol.absoluteLocations ? protocol.publicUrl.base(request) + path : path);
}

/** Sends a response without a body. */
export function sendEmpty(response: ServerResponse, status: 201 | 202 | 204): void {
  response.statusCode = status;
  if (status !== 204) response.setHeader('Content-Length', 0);
  response.end();
}

/** Sets `Link` to the next page (RFC 5988). */
export function setLink(
  { protocol, request, response }: RequestContext,
  path: string,
  query: Readonly<Record<string, string>>,
): void {
  const base = protocol.absoluteLocations ? protocol.publicUrl.base(request) : '';
  response.setHeader('Link', `<${base}${path}?${new URLSearchParams(query).toString()}>; rel="next"`);
}
