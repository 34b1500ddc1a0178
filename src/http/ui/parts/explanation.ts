import type { ExplainedAction, Explanation, Rule } from '../../../access/accounts/explain.ts';
import { type Html, html } from '../shell/html.ts';
import type { Texts } from '../texts/english/texts.ts';
import { table } from './table.ts';

/** Shows each action, whether the account may do it, and the rules that allow it. */
export function explanationTable(texts: Texts, explanation: Explanation, repository: string): Html {
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
  const title = admin.explain.title(explanation.subject, repository);
  return html`<h3>${title}</h3>
    ${table(title, [admin.explain.action, admin.explain.allowed, admin.explain.because], rows)}`;
}

function reasonOf({ admin }: Texts, { action, rules }: ExplainedAction, { obstacle, visibility }: Explanation): Html {
  if (obstacle !== undefined) return html`${admin.explain.obstacles[obstacle]}`;
  if (rules.length > 0) return html`${rules.map((rule) => html`<div>${ruleText(admin, rule)}</div>`)}`;
  if (action === 'pull' && visibility.isHiddenByUpstream) return html`${admin.explain.hidden(visibility.pattern ?? '')}`;
  return html`<span class="quiet">${admin.explain.noRule}</span>`;
}

function ruleText({ explain }: Texts['admin'], rule: Rule): Html {
  switch (rule.kind) {
    case 'admin':
      return html`${explain.byAdmin}`;
    case 'namespace':
      return html`${explain.byNamespace(rule.owner, rule.pattern)}`;
    case 'grant':
      return html`${explain.byGrant} <strong>${rule.subject}</strong> <code>${rule.pattern}</code> ${rule.actions.join(', ')}`;
    case 'visibility':
      return html`${explain.byVisibility} <code>${rule.pattern}</code>`;
  }
}
