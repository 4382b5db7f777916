export type Labels = Readonly<Record<string, string>>
export type Samples = number | readonly (readonly [labels: Labels, value: number])[]

/** Prometheus' text format, in the order in which families are added. */
export class Exposition {
  #text = ''

  get text(): string {
    return this.#text
  }

  gauge(name: string, help: string, samples: Samples): void {
    this.family('gauge', name, help, samples)
  }

  counter(name: string, help: string, samples: Samples): void {
    this.family('counter', name, help, samples)
  }

  /** A family without samples is left out. */
  family(type: 'gauge' | 'counter', name: string, help: string, samples: Samples): void {
    if (typeof samples !== 'number' && samples.length === 0) return
    this.head(type, name, help)
    if (typeof samples === 'number') this.sample(name, {}, samples)
    else for (const [labels, value] of samples) this.sample(name, labels, value)
  }

  head(type: 'gauge' | 'counter' | 'histogram', name: string, help: string): void {
    this.#text += `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`
  }

  sample(name: string, labels: Labels, value: number): void {
    const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`)
    this.#text += `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}\n`
  }
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}
