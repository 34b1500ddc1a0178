import type { Server } from '../server.ts';

const adminPassword = 'bench-password';

/** Settings of a server where each user sees what it is granted. */
export const tokenSettings = { BERTH_ACCESS_MODE: 'token', BERTH_ACCESS_ADMIN_PASSWORD: adminPassword };

const viewer = { name: 'viewer', password: 'password of the viewer' };

/** Creates a user who may pull the repositories, and returns the server as its browser asks it. */
export async function asViewer(server: Server, repositories: readonly string[]): Promise<Server> {
  const authorization = `Basic ${Buffer.from(`admin:${adminPassword}`).toString('base64')}`;
  const headers = { Authorization: authorization, 'Content-Type': 'application/json' };
  const send = async (method: string, path: string, body: unknown) => {
    const answer = await fetch(`${server.url}/api/v1${path}`, { method, headers, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${await answer.text()}`);
  };
  await send('POST', '/users', viewer);
  for (const pattern of repositories)
    await send('POST', '/grants', { subject: `user:${viewer.name}`, pattern, actions: ['pull'] });
  const login = await fetch(`${server.url}/ui/login`, {
    method: 'POST',
    redirect: 'manual',
    headers: { Origin: server.url },
    body: new URLSearchParams(viewer),
  });
  const [cookie] = login.headers.getSetCookie();
  if (login.status !== 303 || cookie === undefined) throw new Error(`the login answered ${login.status}`);
  return { ...server, authorization: `Cookie: ${cookie.replace(/;.*/, '')}\r\nSec-Fetch-Site: same-origin\r\n` };
}
