import type { Request, Response, Router } from 'express';
import type { Principal } from '../../access/permissions/principal.ts';
import { OciError } from '../../oci/errors.ts';
import { parseRepositoryName } from '../../oci/reference.ts';
import type { Listings, Page as ListPage } from '../../registry/listings.ts';
import type { AccessControl } from '../auth/access-control.ts';
import { pageOf } from '../v2/listings.ts';
import { type Html, html } from './html.ts';
import { redirect, sendPage } from './page.ts';

/** Returns the principal that sends the request; undefined if it has to log in first. */
export type Visitors = (request: Request) => Promise<Principal | undefined>;

const pageSize = 50;

/** Adds `/ui`, the repositories that the visitor may pull, and `/ui/repositories/NAME` with the tags of one. */
export function addRepositories(router: Router, listings: Listings, access: AccessControl, visitors: Visitors): void {
  async function repositories(visitor: Principal, after: string): Promise<ListPage<string>> {
    const names = access.visible(visitor, after);
    return names ? pageOf(names, pageSize) : listings.repositories(after, pageSize);
  }

  router.get('/', async (request, response) => {
    const visitor = await visitors(request);
    if (!visitor) {
      redirect(response, '/ui/login');
      return;
    }
    const page = await repositories(visitor, afterOf(request.originalUrl));
    show(response, visitor, 'Repositories', page, (name) => html`<a href="/ui/repositories/${name}">${name}</a>`);
  });

  router.get('/repositories/*name', async (request, response) => {
    const visitor = await visitors(request);
    if (!visitor) {
      redirect(response, '/ui/login');
      return;
    }
    const repository = parseRepositoryName([request.params.name].flat().join('/'));
    if (!repository || !(await access.allows(visitor, 'pull', repository))) throw new OciError('NAME_UNKNOWN');
    const page = await listings.tags(repository, afterOf(request.originalUrl), pageSize);
    show(response, visitor, repository, page, (tag) => html`${tag}`);
  });
}

function afterOf(url: string): string {
  return new URL(url, 'http://localhost').searchParams.get('after')?.slice(0, 255) ?? '';
}

function show(
  response: Response,
  { name: user }: Principal,
  title: string,
  { items, more }: ListPage<string>,
  toCell: (item: string) => Html,
): void {
  const next = new URLSearchParams({ after: items.at(-1) ?? '' }).toString();
  const rows = items.map(
    (item) =>
      html`<tr>
        <td>${toCell(item)}</td>
      </tr>`,
  );
  const content = html`${
    rows.length > 0
      ? html`<table>
          ${rows}
        </table>`
      : html`<p class="quiet">None here.</p>`
  }
  ${more ? html`<p><a rel="next" href="?${next}">Next page</a></p>` : undefined}`;
  sendPage(response, 200, { title, user: user === '' ? undefined : user, content });
}
