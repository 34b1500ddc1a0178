import type { IncomingMessage } from 'node:http';
import { OciError } from '../../oci/errors.ts';
import { isForeignChange, isForeignHost } from './foreign-requests.ts';
import { type PublicUrl, isHost } from './public-url.ts';

export interface AdmissionOptions {
  readonly publicUrl: PublicUrl;
  /** True if only clients of this machine reach the address that is listened on. */
  readonly listensOnLoopback: boolean;
}

/** Checks the conditions of every request before it is routed. Throws `OciError`. */
export type Admission = (request: IncomingMessage) => void;

/** Valid hosts are cached, so that most requests do not parse theirs. */
const maxKnownHosts = 1000;

export function createAdmission({ publicUrl, listensOnLoopback }: AdmissionOptions): Admission {
  const knownHosts = new Set<string>(['']);

  function checkHost(request: IncomingMessage): void {
    const { host = '' } = request.headers;
    if (knownHosts.has(host)) return;
    if (!isHost(host)) throw malformed('the Host header is not a host name with a port');
    if (listensOnLoopback && isForeignHost(host, publicUrl)) {
      if (publicUrl.isProxied(request)) return;
      const message = `this registry listens on loopback and is not called ${host}: set publicUrl to the address that clients use`;
      throw new OciError('DENIED', { message });
    }
    if (knownHosts.size < maxKnownHosts) knownHosts.add(host);
  }

  return (request) => {
    requireOneHost(request);
    requireKnownCoding(request);
    takeAuthority(request);
    checkHost(request);
    if (isForeignChange(request, publicUrl)) {
      const message = `a page of another site may not send ${request.method ?? ''} requests. If it is a page of this registry, set publicUrl`;
      throw new OciError('DENIED', { message });
    }
  };
}

/**
 * Replaces a request target in absolute form (`GET http://host/path`) by its path, and `Host` by its authority
 * (RFC 9112, 3.2.2).
 */
function takeAuthority(request: IncomingMessage): void {
  if (request.url?.startsWith('/') === true) return;
  const [, authority, path] = /^https?:\/\/([^/?#]*)([^]*)$/i.exec(request.url ?? '') ?? [];
  if (authority === undefined || path === undefined) return;
  if (!isHost(authority)) throw malformed('the request target does not name a host');
  request.url = path.startsWith('/') ? path : `/${path}`;
  request.headers.host = authority;
}

/** Throws for a second `Host` (RFC 9112, 3.2): a proxy in front of berth may have decided by the other one. */
function requireOneHost({ rawHeaders }: IncomingMessage): void {
  let hosts = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index];
    if (name?.length === 4 && name.toLowerCase() === 'host') hosts++;
  }
  if (hosts > 1) throw malformed('the request has several Host headers');
}

/** Throws for a body in another transfer coding than `chunked` (RFC 9112, 6.1): it would be stored in that coding. */
function requireKnownCoding({ headers }: IncomingMessage): void {
  const coding = headers['transfer-encoding'];
  if (coding === undefined || coding.toLowerCase() === 'chunked') return;
  throw new OciError('UNSUPPORTED', { status: 501, message: 'the only transfer coding of a request here is chunked' });
}

function malformed(message: string): OciError {
  return new OciError('UNSUPPORTED', { status: 400, message });
}
