// Elements without a framework, for the page that has to be smallest.

type Child = Node | string | false | null | undefined;
type Attributes = Record<string, string | boolean | number | null | ((event: Event) => void)>;

/** An element. `onclick` and its kin are listeners; `true` stands alone; `false` and `null` are not set. */
export function el<K extends keyof HTMLElementTagNameMap>(
  name: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(key.slice(2), value);
    else if (value !== false && value !== null)
      element.setAttribute(key, value === true ? '' : String(value));
  }
  element.append(...children.filter((child): child is Node | string => !!child));
  return element;
}
