import type { SecureContext } from 'node:tls';
import { loadTls } from '../platform/tls.ts';

const contexts = new Map<string, SecureContext>();

/**
 * Returns the authorities that may vouch for upstreams: those of Node.js and `NODE_EXTRA_CA_CERTS`, those of the system
 * (`SSL_CERT_FILE`, `SSL_CERT_DIR`, or where distributions keep them), and `ca` (PEM). Reads the system's once, and keeps
 * what it has made: connections share it.
 */
export function trustedBy(ca: string | undefined): SecureContext {
  const key = ca ?? '';
  const known = contexts.get(key);
  if (known) return known;
  const { createSecureContext, getCACertificates } = loadTls();
  const all = new Set([...getCACertificates('default'), ...getCACertificates('system'), ...(ca === undefined ? [] : [ca])]);
  const context = createSecureContext({ ca: [...all] });
  contexts.set(key, context);
  return context;
}
