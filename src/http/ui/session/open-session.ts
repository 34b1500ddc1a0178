import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Sessions } from '../../../access/login/sessions.ts';
import type { Identity } from '../../../access/permissions/identity.ts';
import type { PublicUrl } from '../../server/public-url.ts';
import type { Browsers } from './browsers.ts';

export interface SessionParts {
  readonly sessions: Pick<Sessions, 'open' | 'close'>;
  readonly browsers: Pick<Browsers, 'session'>;
  readonly publicUrl: PublicUrl;
}

/** Opens a session for a user who has logged in, and ends the session that the browser had. */
export async function openSession(
  { sessions, browsers, publicUrl }: SessionParts,
  request: IncomingMessage,
  response: ServerResponse,
  identity: Identity,
): Promise<void> {
  const address = publicUrl.clientAddress(request);
  const session = await sessions.open(identity, { address, browser: browserOf(request) });
  await sessions.close(browsers.session.read(request), address);
  browsers.session.write(request, response, session.secret, session.lifetimeSeconds);
}

/** What browsers call themselves. Those come first that name others too. */
const browserNames = [
  ['Edg/', 'Edge'],
  ['OPR/', 'Opera'],
  ['Firefox/', 'Firefox'],
  ['Chrome/', 'Chrome'],
  ['Safari/', 'Safari'],
] as const;

/** Returns the kind of browser; undefined for an unknown one. */
function browserOf({ headers }: IncomingMessage): string | undefined {
  const agent = headers['user-agent'] ?? '';
  return browserNames.find(([token]) => agent.includes(token))?.[1];
}
