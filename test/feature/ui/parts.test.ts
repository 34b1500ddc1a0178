import { describe, expect, test } from '@jest/globals';
import { isoTime } from '../../../src/access/accounts/time.ts';
import { byteSize, formatCount } from '../../../src/http/ui/parts/size.ts';
import { table } from '../../../src/http/ui/parts/table.ts';
import { relativeTime } from '../../../src/http/ui/parts/time.ts';
import { editable, html, preformatted } from '../../../src/http/ui/shell/html.ts';

describe('a template', () => {
  test('is sent without the indents of its source', () => {
    expect(
      html`<ul>
        <li>${'one'}</li>
      </ul>`.text,
    ).toBe('<ul>\n<li>one</li>\n</ul>');
  });

  test('leaves the spaces and lines of inserted texts as they are', () => {
    expect(html`<pre>${preformatted('a\n    b')}</pre>`.text).toBe('<pre>\na\n    b</pre>');
    expect(html`<textarea>${editable('a\n    b')}</textarea>`.text).toBe('<textarea>a\n    b</textarea>');
  });

  test('has dashes, arrows and symbols as character references, so that a page of Latin letters is ASCII', () => {
    expect(html`<b title="${'a → b'}">☆ – ${'…'}</b>`.text).toBe('<b title="a &#8594; b">&#9734; &#8211; &#8230;</b>');
  });

  test('keeps letters of every language', () => {
    expect(html`<b>${'é 仓库'}</b>`.text).toBe('<b>é 仓库</b>');
  });

  test('escapes the labels of a table once for all rows', () => {
    const { text } = table('c', ['a', '"<b>"'], [{ heading: 'x', cells: ['y'] }]);
    expect(text).toContain('<td data-label="&#34;&#60;b&#62;&#34;">y</td>');
  });
});

describe('what people read at a glance has its exact value beside it', () => {
  const now = Date.UTC(2026, 0, 2, 12);

  test.each([
    [now - 7_200_000, 'en', '2026-01-02T10:00:00.000Z', '2026-01-02 10:00 UTC', '2 hours ago'],
    [now + 86_400_000, 'en', '2026-01-03T12:00:00.000Z', '2026-01-03 12:00 UTC', 'tomorrow'],
    [now, 'en', '2026-01-02T12:00:00.000Z', '2026-01-02 12:00 UTC', 'now'],
    [now - 400 * 86_400_000, 'zh-CN', '2024-11-28T12:00:00.000Z', '2024-11-28 12:00 UTC', '去年'],
  ] as const)('a time is shown relative to now, and in UTC (%#)', (time, language, datetime, title, text) => {
    expect(relativeTime(time, now, language).text).toBe(`<time datetime="${datetime}" title="${title}">${text}</time>`);
  });

  test.each([
    [0, '0 B', '0 B'],
    [1023, '1,023 B', '1.00 KiB'],
    [84_934_656, '84,934,656 B', '81.0 MiB'],
    [3_328_599_655, '3,328,599,655 B', '3.10 GiB'],
  ])('a size of %d bytes is shown in units of 1024, and exactly', (bytes, title, text) => {
    expect(byteSize(bytes).text).toBe(`<data value="${bytes}" title="${title}">${text}</data>`);
  });
});

test('times are written as Date writes them', () => {
  const times = [0, 1, 999, 86_399_999, 86_400_000, 951_782_400_000, 1_709_164_799_999, 1_795_000_000_123.7, -1, -86_400_001];
  for (const time of times) expect(isoTime(time)).toBe(new Date(time).toISOString());
  expect(isoTime(Number.MAX_VALUE)).toBe('9999-12-31T23:59:59.999Z');
});

test('counts have a comma after each three digits', () => {
  for (const count of [0, 7, 999, 1000, 1001, 20_030, 999_999, 1_000_000, 123_456_789_012, -1234])
    expect(formatCount(count)).toBe(count.toLocaleString('en'));
});
