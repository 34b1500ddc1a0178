import { AdministrationError } from '../../../../access/accounts/administration-error.ts';
import type { Action } from '../../../../access/permissions/action.ts';
import { authorize } from '../../../../access/permissions/authorize.ts';
import type { Principal } from '../../../../access/permissions/principal.ts';
import { OciError } from '../../../../oci/errors.ts';
import { parsePattern } from '../../../../oci/patterns/repository-pattern.ts';
import { ciSnippets, loginCommand } from '../../parts/commands.ts';
import { copyField } from '../../parts/copy-field.ts';
import { explanationTable } from '../../parts/explanation.ts';
import { type FormState, actionBoxes, choice, emptyForm, problemOf, textField } from '../../parts/fields.ts';
import { lifetimeField, readLifetime } from '../../parts/lifetime.ts';
import { paging } from '../../parts/paging.ts';
import { type TableRow, table } from '../../parts/table.ts';
import { rejectionOf } from '../../session/rejections.ts';
import { mayAdminister } from '../../session/visitors.ts';
import { type Html, html } from '../../shell/html.ts';
import type { Texts } from '../../texts/english/texts.ts';
import { type RepositoryAccounts, type RepositoryVisit, goTo, sendRepositoryView } from './repository-view.ts';

const pageSize = 50;

/** True if the visitor may manage grants and visibility of what the pattern matches. */
export function mayManage(visitor: Principal, patternText: string): boolean {
  const pattern = parsePattern(patternText);
  return pattern !== undefined && authorize(visitor, { action: 'manage', pattern }) === 'allow';
}

/** Returns the services of accounts. Throws NAME_UNKNOWN in mode open. */
export function accountsOf({ accounts }: RepositoryVisit): RepositoryAccounts {
  if (!accounts) throw new OciError('NAME_UNKNOWN');
  return accounts;
}

/** Shows who may do what in the repository and by which rule; `?account=` explains what one account may do. */
export async function showAccess(visit: RepositoryVisit, state: FormState = emptyForm): Promise<void> {
  const { repository, query, texts } = visit;
  const { access } = texts;
  const after = Number(query.get('after') ?? 0);
  const { explainer } = accountsOf(visit);
  const rules = await explainer.rulesOf(repository, { after: Number.isSafeInteger(after) ? after : 0, limit: pageSize });
  const rows: TableRow[] = [
    ...(rules.visibility.isPublic
      ? [rowOf(texts, access.everybody, ['pull'], access.publicRule(rules.visibility.pattern ?? ''))]
      : []),
    ...(rules.namespace
      ? [rowOf(texts, `user:${rules.namespace.owner}`, rules.namespace.actions, access.namespaceRule(rules.namespace.pattern))]
      : []),
    ...rules.identities.map(({ name, pattern, actions }) => rowOf(texts, name, actions, access.identityRule(pattern))),
    ...rules.grants.items.map(({ id, subject, pattern, actions }) =>
      rowOf(
        texts,
        subject,
        actions,
        access.grantRule(pattern),
        mayManage(visit.visitor, pattern) ? revokeForm(visit, id, subject) : undefined,
      ),
    ),
  ];
  const content = html`${problemOf(state)} ${usage(visit)}
    <p class="quiet">${access.adminsToo}</p>
    ${rows.length === 0 ? html`<p>${access.nobody}</p>` : table(access.caption, [access.who, access.may, access.rule, access.revoke], rows)}
    ${paging(texts, query, rules.grants.next)} ${await explanationOf(visit)} ${giveForm(visit, state)}`;
  sendRepositoryView(visit, 'access', content, state.message === undefined ? 200 : 400);
}

function rowOf({ access }: Texts, who: string, actions: readonly Action[], rule: string, revoke?: Html): TableRow {
  return {
    heading: who,
    cells: [
      html`${actions.map((action) => html`<span class="chip">${action}</span> `)}`,
      rule,
      revoke ?? html`<span class="quiet">${access.notHere}</span>`,
    ],
  };
}

function revokeForm({ repository, texts }: RepositoryVisit, id: number, subject: string): Html {
  return html`<form class="inline" method="post" action="/ui/r/${repository}/-/access/revoke">
    <input type="hidden" name="grant" value="${id}" />
    <button aria-label="${texts.access.revoke}: ${subject}">${texts.access.revoke}</button>
  </form>`;
}

/** The form that explains what an account may do, and the explanation. */
async function explanationOf(visit: RepositoryVisit): Promise<Html> {
  const { repository, query, texts } = visit;
  const { explain } = texts.admin;
  const account = (query.get('account') ?? '').trim();
  let state: FormState = { form: query };
  let shown: Html | undefined;
  if (account !== '') {
    try {
      shown = explanationTable(texts, await accountsOf(visit).explainer.explain(account, repository), repository);
    } catch (error) {
      state = rejectionOf(error, query);
    }
  }
  return html`<h2>${texts.access.explain}</h2>
    ${problemOf(state)}
    <form class="filter" method="get" action="/ui/r/${repository}/-/access">
      ${textField(state, { name: 'account', label: explain.account, maxLength: 128 })}
      <button>${explain.submit}</button>
    </form>
    ${shown}`;
}

/** The form that gives an account access. Only an admin of the registry can also make a robot. */
function giveForm({ repository, visitor, texts }: RepositoryVisit, state: FormState): Html {
  const { access, admin } = texts;
  const canMakeRobots = mayAdminister(visitor);
  return html`<h2>${access.give}</h2>
    <p class="quiet">${access.giveHelp}</p>
    <form method="post" action="/ui/r/${repository}/-/access/give">
      ${
        canMakeRobots
          ? choice(state, 'kind', access.toWhom, [
              ['account', access.anAccount],
              ['robot', access.newRobot],
            ])
          : undefined
      }
      ${textField(state, { name: 'subject', label: access.subject, placeholder: 'user:alice', maxLength: 140 })}
      ${actionBoxes(state, access.may, admin.grants.actionHelp)}
      ${canMakeRobots ? lifetimeField(state, texts, access.robotValidFor) : undefined}
      <button>${access.give}</button>
    </form>`;
}

/** Gives access, and leads to the view with the command that uses it. A new robot's secret is shown there once. */
export async function giveAccess(visit: RepositoryVisit): Promise<void> {
  const { form, texts, visitor } = visit;
  const { changed } = accountsOf(visit);
  try {
    const isRobot = form.get('kind') === 'robot' && mayAdminister(visitor);
    const { subject, secret } = await (isRobot ? giveRobot(visit) : giveAccount(visit));
    changed();
    const lines = [
      secret === undefined ? texts.access.given(subject) : texts.admin.robots.created(subject.replace('robot:', '')),
    ];
    visit.leaveNotice({ kind: 'done', lines, ...(secret === undefined ? {} : { secret }) });
    goTo(visit, 'access', `?${new URLSearchParams({ given: subject }).toString()}`);
  } catch (error) {
    await showAccess(visit, rejectionOf(error, form, { name: 'subject', grants: 'action', account: 'subject' }));
  }
}

interface Given {
  /** `user:alice` */
  readonly subject: string;
  readonly secret?: string;
}

async function giveAccount(visit: RepositoryVisit): Promise<Given> {
  const { repository, form } = visit;
  const text = (form.get('subject') ?? '').trim();
  await accountsOf(visit).administration.grant(text, repository, actionsOf(visit));
  return { subject: text };
}

async function giveRobot(visit: RepositoryVisit): Promise<Given> {
  const { repository, form, now, texts } = visit;
  const name = (form.get('subject') ?? '').trim().replace(/^robot:/, '');
  const grants = [`${repository}:${actionsOf(visit)}`];
  const expiresAt = readLifetime(form, now, texts);
  const { secret } = await accountsOf(visit).administration.createRobot({ name, grants, expiresAt });
  return { subject: `robot:${name}`, secret };
}

function actionsOf({ form, texts }: RepositoryVisit): string {
  const actions = form.getAll('action');
  if (actions.length === 0) throw new AdministrationError('invalid', texts.access.chooseAction, 'grants');
  return actions.join(',');
}

/** Shows how the account that was given access uses it: `?given=robot:ci`. */
function usage({ query, host, repository, texts }: RepositoryVisit): Html | undefined {
  const [kind, name = ''] = (query.get('given') ?? '').slice(0, 140).split(':', 2);
  if ((kind !== 'user' && kind !== 'robot') || !/^[a-z0-9._@+-]+$/.test(name)) return undefined;
  const { access } = texts;
  return html`<h2>${access.use}</h2>
    <p>${access.useHelp}</p>
    ${copyField(loginCommand(host, name))} ${copyField(`docker pull ${host}/${repository}:TAG`)}
    ${ciSnippets(host, name).map(
      ([tool, snippet]) =>
        html`<h3>${tool}</h3>
          <p class="quiet">${access.ciHelp}</p>
          ${copyField(snippet)}`,
    )}`;
}

/** Revokes a grant that the visitor may manage. */
export async function revokeAccess(visit: RepositoryVisit): Promise<void> {
  const { form, texts, visitor, repository } = visit;
  const { administration, explainer, changed } = accountsOf(visit);
  const id = Number(form.get('grant'));
  const { grants } = await explainer.rulesOf(repository, { after: Number.isSafeInteger(id) ? id - 1 : 0, limit: 1 });
  const [grant] = grants.items;
  if (grant?.id !== id || !mayManage(visitor, grant.pattern)) throw new OciError('DENIED');
  await administration.revokeGrant(id);
  changed();
  visit.leaveNotice({ kind: 'done', lines: [texts.admin.grants.revoked] });
  goTo(visit, 'access');
}
