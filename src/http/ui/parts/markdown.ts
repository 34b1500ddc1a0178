import { printable } from '../../../observability/printable.ts';
import { createLru } from '../../../coordination/lru.ts';
import { Html } from '../shell/html.ts';

/** Markdown of people who may write about a repository, for everybody who may read it: no HTML, no images, only links. */

type Renderer = (source: string) => string;

let renderer: Promise<Renderer> | undefined;

/** Rendered texts, by the texts: a README has at most 64 KiB, and is read much more often than it changes. */
const rendered = createLru<Html>(50);

/** Renders Markdown. Links lead to http and https only, and images become links, so that nothing is loaded from elsewhere. */
export async function renderMarkdown(source: string): Promise<Html> {
  const known = rendered.get(source);
  if (known) return known;
  const render = await (renderer ??= createRenderer());
  const lines = source.replaceAll('\t', '    ').split(/\r\n|\r|\n/);
  const result = new Html(render(lines.map(printable).join('\n')));
  rendered.set(source, result);
  return result;
}

/** The links of strangers: they get no access to the page, and search engines do not follow them. */
const rel = 'noopener nofollow';

async function createRenderer(): Promise<Renderer> {
  const { default: MarkdownIt } = await import('markdown-it');
  const markdown = new MarkdownIt({ html: false, linkify: false });
  const { rules } = markdown.renderer;
  const escape = (text: string) => markdown.utils.escapeHtml(text);
  let isInLink = false;
  markdown.validateLink = (url) => /^https?:\/\//i.test(url);
  // The page has the first heading. Alignment of cells would be an inline style.
  const lower = (tag: string | undefined) => `h${Math.min(Number(tag?.slice(1) ?? 1) + 1, 6)}`;
  Object.assign(rules, {
    link_open(tokens, index) {
      isInLink = true;
      return `<a href="${escape(attributeOf(tokens[index], 'href'))}" rel="${rel}">`;
    },
    link_close() {
      isInLink = false;
      return '</a>';
    },
    image(tokens, index, options, environment, self) {
      const source = escape(attributeOf(tokens[index], 'src'));
      const text = escape(self.renderInlineAsText(tokens[index]?.children ?? [], options, environment)) || source;
      return isInLink ? text : `<a href="${source}" rel="${rel}">${text}</a>`;
    },
    heading_open: (tokens, index) => `<${lower(tokens[index]?.tag)}>`,
    heading_close: (tokens, index) => `</${lower(tokens[index]?.tag)}>\n`,
    th_open: () => '<th>',
    td_open: () => '<td>',
  } satisfies typeof rules);
  return (source) => markdown.render(source);
}

function attributeOf(token: { attrGet(name: string): string | number | null } | undefined, name: string): string {
  return String(token?.attrGet(name) ?? '');
}
