import { type FormState, emptyForm, problemOf, textArea, textField } from '../../parts/fields.ts';
import { loginCommand } from '../../parts/commands.ts';
import { lifetimeField, readGrants, readLifetime } from '../../parts/lifetime.ts';
import { paging } from '../../parts/paging.ts';
import { table } from '../../parts/table.ts';
import { relativeTime } from '../../parts/time.ts';
import { html } from '../../shell/html.ts';
import { type AdminVisit, buttonForm, done, nameAfter, pageSize, pathTo, sendAdminView, submit } from './admin-view.ts';
import { deletionForm, requireConfirmation } from './deletion.ts';
import { grantTable } from './grant-table.ts';
import { secretTable } from './secret-table.ts';
import { stateChips } from './users.ts';

/** Shows the robots by name, and a form for a new one. */
export async function showRobots(visit: AdminVisit, state: FormState = emptyForm): Promise<void> {
  const { directory, query, texts, language, now } = visit;
  const { items, next } = await directory.listAccounts('robot', { after: nameAfter(query), limit: pageSize });
  const { admin, tokens } = texts;
  const rows = items.map((account) => ({
    heading: html`<a href="${pathTo('robots', account.name)}">${account.name}</a>`,
    cells: [
      stateChips(texts, account),
      relativeTime(account.createdAt, now, language),
      account.expiresAt === null ? tokens.never : relativeTime(account.expiresAt, now, language),
    ],
  }));
  const columns = [admin.name, admin.state, admin.created, tokens.expires];
  const content = html`${problemOf(state)}
    ${rows.length === 0 ? html`<p>${admin.robots.none}</p>` : table(admin.robots.caption, columns, rows)}
    ${paging(texts, query, next)}
    <h2>${admin.robots.create}</h2>
    <p class="quiet">${admin.robots.createHelp}</p>
    <form method="post" action="${pathTo('robots')}">
      ${textField(state, { name: 'name', label: admin.name, maxLength: 128 })}
      ${textArea(state, { name: 'grants', label: admin.robots.grants, placeholder: 'team-a/*:pull,push' })}
      ${lifetimeField(state, texts)}
      <button>${admin.create}</button>
    </form>`;
  sendAdminView(visit, 'robots', content, { state });
}

/** Creates a robot, whose secret the next view shows once. */
export function createRobot(visit: AdminVisit): Promise<void> {
  const { administration, form, texts, now } = visit;
  const name = (form.get('name') ?? '').trim();
  return submit(visit, { path: pathTo('robots'), again: (state) => showRobots(visit, state) }, async () => {
    const expiresAt = readLifetime(form, now, texts);
    const { secret } = await administration.createRobot({ name, grants: readGrants(form, 'grants'), expiresAt });
    return done(texts.admin.robots.created(name), secret);
  });
}

/** Shows a robot: its secrets, its grants, and what an admin can change. */
export async function showRobot(visit: AdminVisit, name: string, state: FormState = emptyForm): Promise<void> {
  const { directory, texts, language, now, host } = visit;
  const account = await directory.findAccount('robot', name);
  const { admin, tokens } = texts;
  const path = pathTo('robots', name);
  const { items: grants } = await directory.listGrants({ after: 0, limit: 1000 }, `robot:${name}`);
  const content = html`${problemOf(state)}
    <p>
      ${stateChips(texts, account)} ${tokens.expires}:
      ${account.expiresAt === null ? tokens.never : relativeTime(account.expiresAt, now, language)}
    </p>
    <div class="actions">
      ${
        account.isDisabled ? buttonForm(`${path}/enable`, admin.enable, name) : buttonForm(`${path}/disable`, admin.disable, name)
      }
    </div>
    <h2>${admin.grants.title}</h2>
    <p class="quiet">${admin.grants.ownOnly}</p>
    ${grantTable(visit, grants, path)}
    <h2>${admin.secrets.title}</h2>
    ${secretTable(visit, await directory.listTokens(name), path)}
    <h2>${admin.robots.rotate}</h2>
    <p class="quiet">${admin.robots.rotateHelp} <code>${loginCommand(host, name)}</code></p>
    <form method="post" action="${path}/rotate">
      ${lifetimeField(state, texts)}
      <label class="box"><input type="checkbox" name="keep" value="yes" /> ${admin.robots.keepOld}</label>
      <button>${admin.robots.rotate}</button>
    </form>
    <h2>${admin.robots.expiry}</h2>
    <p class="quiet">${admin.robots.expiryHelp}</p>
    <form class="filter" method="post" action="${path}/expiry">
      ${lifetimeField(state, texts, tokens.validFor)}
      <button>${admin.robots.changeExpiry}</button>
    </form>
    ${deletionForm(visit, path, name, admin.robots.deleteHelp, state)}`;
  sendAdminView(visit, 'robots', content, { state, heading: name });
}

/** Makes a change of a robot; undefined for one that does not exist. */
export function changeRobot(visit: AdminVisit, name: string, action: string): Promise<void> | undefined {
  const { administration, directory, form, now, texts } = visit;
  const path = pathTo('robots', name);
  const again = (state: FormState) => showRobot(visit, name, state);
  const known = () => directory.findAccount('robot', name);
  switch (action) {
    case 'disable':
    case 'enable':
      return submit(visit, { path, again }, async () => {
        await known();
        await administration.setDisabled(name, action === 'disable');
        return done(action === 'disable' ? texts.admin.isDisabled(name) : texts.admin.isEnabled(name));
      });
    case 'expiry':
      return submit(visit, { path, again }, async () => {
        await known();
        await administration.setExpiry(name, readLifetime(form, now, texts));
        return done(texts.admin.robots.expiryChanged(name));
      });
    case 'rotate':
      return submit(visit, { path, again }, async () => {
        await known();
        return done(texts.admin.robots.rotated(name), await rotateSecret(visit, name));
      });
    case 'delete':
      return submit(visit, { path: pathTo('robots'), again, names: { name: 'confirm' } }, async () => {
        await known();
        requireConfirmation(visit, name);
        await administration.deleteAccount(name);
        return done(texts.admin.isDeleted(name));
      });
    default:
      return undefined;
  }
}

/** Issues a new secret, and then revokes the others unless the form keeps them: the robot always has a valid one. */
async function rotateSecret({ administration, directory, form, now, texts }: AdminVisit, name: string): Promise<string> {
  const others = form.has('keep') ? [] : await directory.listTokens(name);
  const { secret } = await administration.createToken({ account: name, name, expiresAt: readLifetime(form, now, texts) });
  for (const { id } of others) await administration.revokeToken(name, id);
  return secret;
}
