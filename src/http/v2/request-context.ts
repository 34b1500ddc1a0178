import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Author } from '../../../storage/metadata/queries/audit-steps.ts';
import type { Mirror } from '../../mirror/mirror.ts';
import type { MirroredRepository } from '../../mirror/names/routing.ts';
import type { Registry } from '../../registry/registry.ts';
import type { Digest } from '../../oci/digest.ts';
import { parseDigest } from '../../oci/digest.ts';
import { OciError } from '../../oci/errors.ts';
import { type Reference, type RepositoryName, parseReference } from '../../oci/reference.ts';
import type { Audit } from '../../access/accounts/audit.ts';
import type { AccessControl, Subject } from '../auth/access-control.ts';
import type { PublicUrl } from '../server/public-url.ts';

/** What every handler of the protocol works with. */
export interface Services {
  readonly registry: Registry;
  /** What upstreams have; undefined where nothing is mirrored. */
  readonly mirror: Mirror | undefined;
  readonly access: AccessControl;
  /** The audit log, where one is kept: told of refusals. What changes content is recorded by the change itself. */
  readonly audit?: Pick<Audit, 'record'> | undefined;
  readonly publicUrl: PublicUrl;
  /** Whether `Location` headers name the host. */
  readonly absoluteLocations: boolean;
  readonly largestManifestBytes: number;
}

/** A repository that is served on behalf of an upstream. */
export interface MirrorSource {
  readonly mirror: Mirror;
  readonly source: MirroredRepository;
}

/** One request and its response, parsed at the door. */
export interface RequestContext {
  readonly protocol: Services;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly query: URLSearchParams;
  readonly subject: Subject;
  /** '' as a name only where the route has none. */
  readonly repository: RepositoryName;
  /** Where the repository is an upstream's. */
  readonly mirrored: MirrorSource | undefined;
  /** The path as the client wrote it, without its query. */
  readonly path: string;
  /** The last part of the path, decoded: a digest, a reference or an upload id, not yet parsed. */
  readonly lastSegment: string;
}

export type Handler = (context: RequestContext) => Promise<void>;

/** Returns the client for the audit log; undefined where none is kept. */
export function authorOf({ protocol, request, subject }: RequestContext): Author | undefined {
  return protocol.audit && { actor: subject.name, address: protocol.publicUrl.clientAddress(request) };
}

/** The digest in the path. Throws DIGEST_INVALID. */
export function digestOf({ lastSegment: tail }: RequestContext): Digest {
  return requireDigest(tail);
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

/** The reference in the path; undefined for what can be no tag: nothing of that name exists. Throws DIGEST_INVALID. */
export function referenceOf({ lastSegment: tail }: RequestContext): Reference | undefined {
  return tail.includes(':') ? { digest: requireDigest(tail) } : parseReference(tail);
}

/** Sets `Location` in the configured form. `path` begins with a slash. */
export function setLocation({ protocol, request, response }: RequestContext, path: string): void {
  response.setHeader('Location', protocol.absoluteLocations ? protocol.publicUrl.base(request) + path : path);
}

/** An answer without a body. */
export function sendEmpty(response: ServerResponse, status: 201 | 202 | 204): void {
  response.statusCode = status;
  if (status !== 204) response.setHeader('Content-Length', 0);
  response.end();
}

/** Leads to the next page (RFC 5988). */
export function setLink(
  { protocol, request, response }: RequestContext,
  path: string,
  query: Readonly<Record<string, string>>,
): void {
  const base = protocol.absoluteLocations ? protocol.publicUrl.base(request) : '';
  response.setHeader('Link', `<${base}${path}?${new URLSearchParams(query).toString()}>; rel="next"`);
}
