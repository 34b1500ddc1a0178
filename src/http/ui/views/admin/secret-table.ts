import type { ShownToken } from '../../../../access/accounts/administration.ts';
import { table } from '../../parts/table.ts';
import { relativeTime } from '../../parts/time.ts';
import { type Html, html } from '../../shell/html.ts';
import { type AdminVisit, buttonForm } from './admin-view.ts';

/** Shows the secrets of an account with a button that revokes each. `path`: of the view of the account. */
export function secretTable({ texts, language, now }: AdminVisit, secrets: readonly ShownToken[], path: string): Html {
  const { tokens, admin } = texts;
  const valid = secrets.filter(({ expiresAt }) => expiresAt === null || expiresAt > now);
  if (valid.length === 0) return html`<p>${admin.secrets.none}</p>`;
  const rows = valid.map(({ id, name, kind, expiresAt, lastUsedAt }) => ({
    heading: name,
    cells: [
      tokens.kinds[kind],
      expiresAt === null ? tokens.never : relativeTime(expiresAt, now, language),
      lastUsedAt === null ? html`<span class="quiet">${admin.secrets.unused}</span>` : relativeTime(lastUsedAt, now, language),
      buttonForm(`${path}/tokens/${id}/revoke`, tokens.revoke, name),
    ],
  }));
  const columns = [tokens.name, tokens.kind, tokens.expires, tokens.lastUsed, tokens.revoke];
  return table(admin.secrets.title, columns, rows);
}
