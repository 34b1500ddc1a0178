import { AdministrationError } from '../../../../access/accounts/administration-error.ts';
import type { ExplainedAction, Explanation, Rule } from '../../../../access/accounts/explain.ts';
import { type RepositoryName, parseRepositoryName } from '../../../../oci/reference.ts';
import { type FormState, problemOf, textField } from '../../parts/fields.ts';
import { table } from '../../parts/table.ts';
import { rejectionOf } from '../../session/rejections.ts';
import { type Html, html } from '../../shell/html.ts';
import type { Texts } from '../../texts/english/texts.ts';
import { type AdminVisit, pathTo, sendAdminView } from './admin-view.ts';
import { subjectLink } from './grant-table.ts';

/** Shows what an account may do in a repository, and the rule behind each action: `?account=&repository=`. */
export async function showExplanation(visit: AdminVisit): Promise<void> {
  const { query, texts, explainer } = visit;
  const { explain } = texts.admin;
  const [account, name] = [(query.get('account') ?? '').trim(), (query.get('repository') ?? '').trim()];
  let state: FormState = { form: query };
  let shown: Html | undefined;
  if (account !== '' || name !== '') {
    try {
      const repository = requireRepository(name, texts);
      shown = explanationTable(texts, await explainer.explain(account, repository), repository);
    } catch (error) {
      state = rejectionOf(error, query, { name: 'repository' });
    }
  }
  const content = html`<p class="quiet">${explain.help}</p>
    ${problemOf(state)}
    <form class="filter" method="get" action="${pathTo('explain')}">
      ${textField(state, { name: 'account', label: explain.account, maxLength: 128 })}
      ${textField(state, { name: 'repository', label: explain.repository })}
      <button>${explain.submit}</button>
    </form>
    ${shown}`;
  sendAdminView(visit, 'explain', content, { state });
}

function requireRepository(name: string, { admin }: Texts): RepositoryName {
  const repository = parseRepositoryName(name);
  if (!repository) throw new AdministrationError('invalid', admin.explain.noRepository(name), 'name');
  return repository;
}

function explanationTable(texts: Texts, explanation: Explanation, repository: RepositoryName): Html {
  const { admin } = texts;
  const rows = explanation.actions.map((action) => ({
    heading: admin.grants.actionHelp[action.action],
    cells: [
      action.isAllowed
        ? html`<span class="chip ok">${admin.explain.yes}</span>`
        : html`<span class="chip bad">${admin.explain.no}</span>`,
      reasonOf(texts, action, explanation),
    ],
  }));
  return html`<h2>${admin.explain.title(explanation.subject, repository)}</h2>
    ${table(admin.explain.title(explanation.subject, repository), [admin.explain.action, admin.explain.allowed, admin.explain.because], rows)}`;
}

function reasonOf(texts: Texts, { action, rules }: ExplainedAction, { obstacle, visibility }: Explanation): Html {
  const { admin } = texts;
  if (obstacle !== undefined) return html`${admin.explain.obstacles[obstacle]}`;
  if (rules.length > 0) return html`${rules.map((rule) => html`<div>${ruleText(texts, rule)}</div>`)}`;
  if (action === 'pull' && visibility.isHiddenByUpstream) return html`${admin.explain.hidden(visibility.pattern ?? '')}`;
  return html`<span class="quiet">${admin.explain.noRule}</span>`;
}

/** Shows the rule that allows an action, with a link to where it can be changed. */
export function ruleText({ admin }: Texts, rule: Rule): Html {
  switch (rule.kind) {
    case 'admin':
      return html`${admin.explain.byAdmin}`;
    case 'namespace':
      return html`${admin.explain.byNamespace(rule.owner, rule.pattern)}`;
    case 'grant':
      return html`${admin.explain.byGrant} ${subjectLink(rule.subject)} <code>${rule.pattern}</code> ${rule.actions.join(', ')}`;
    case 'visibility':
      return html`${admin.explain.byVisibility} <code>${rule.pattern}</code>`;
  }
}
