import type { Config } from '../../../config/schema.ts';
import { checkCertificate } from './certificate.ts';
import { waitMilliseconds } from './connection.ts';
import { type Finding, ok, problem, reasonOf, skipped, warning } from './finding.ts';

/** Connects to `publicUrl` as a client does: the chain of certificates, its end, and whether berth answers there. */
export async function checkPublicUrl({ publicUrl }: Config): Promise<readonly Finding[]> {
  const name = 'public URL';
  if (publicUrl === undefined) return [skipped(name, 'publicUrl is not set')];
  const url = new URL(publicUrl);
  const findings = url.protocol === 'https:' ? [await checkCertificate(url)] : [];
  if (findings.some(({ status }) => status === 'problem')) return findings;
  return [...findings, await checkAnswer(url)];
}

async function checkAnswer(url: URL): Promise<Finding> {
  const name = 'public URL';
  try {
    const answer = await fetch(new URL('/v2/', url), { signal: AbortSignal.timeout(waitMilliseconds), redirect: 'manual' });
    await answer.body?.cancel();
    const challenge = answer.headers.get('www-authenticate') ?? '';
    if (answer.headers.get('docker-distribution-api-version') === null)
      return problem(
        name,
        `${url.origin}/v2/ answers ${answer.status}, and not as a registry`,
        'let the proxy pass every path to berth',
      );
    const realm = /realm="([^"]+)"/.exec(challenge)?.[1];
    if (realm !== undefined && challenge.startsWith('Bearer') && new URL(realm).origin !== url.origin) {
      const advice =
        'set publicUrl on the server, or list the proxy in trustedProxies and let it send X-Forwarded-Proto and Host';
      return problem(name, `clients are sent to ${realm} for tokens`, advice);
    }
    return ok(name, `a registry answers at ${url.origin}`);
  } catch (error) {
    return warning(name, `${url.origin} cannot be reached from here: ${reasonOf(error)}`, 'check the proxy and the firewall');
  }
}
