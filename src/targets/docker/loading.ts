/**
 * How far a server is that loads a model, by the lines of its own log. Pure. The lines are those of
 * text-embeddings-inference 1.9, vLLM 0.3x, TGI 3, ollama and huggingface_hub.
 */

interface Stage {
  readonly line: RegExp
  /** What is going on, from what the line says. */
  readonly says: (found: RegExpExecArray) => string
}

const stages: readonly Stage[] = [
  // huggingface_hub’s and curl’s progress: `model.safetensors:  45%|████ | 1.2G/2.7G`
  {
    line: /(\d{1,3})%\|[^|]*\|\s*([\d.]+[kMGT]?)\/([\d.]+[kMGT]?)/,
    says: (found) => `fetching ${found[1]} % (${found[2]} of ${found[3]})`,
  },
  // vLLM: `Loading safetensors checkpoint shards:  25% Completed | 1/4`
  {
    line: /checkpoint shards:\s*(\d+)% Completed \| (\d+)\/(\d+)/,
    says: (found) => `loading weights, ${found[2]} of ${found[3]} parts`,
  },
  { line: /Starting to load model (\S+?)\.*$/, says: (found) => `loading ${found[1]}` },
  { line: /Model loading took ([\d.]+) Gi?B/, says: (found) => `weights loaded, ${found[1]} GiB` },
  {
    line: /Capturing (?:CUDA|cudagraph|CUDA graph).*?(\d+)%/i,
    says: (found) => `capturing CUDA graphs, ${found[1]} %`,
  },
  { line: /Capturing CUDA graph|Graph capturing/i, says: () => 'capturing CUDA graphs' },
  { line: /torch\.compile takes|Compiling a graph|Dynamo bytecode transform/i, says: () => 'compiling' },
  { line: /GPU KV cache size: ([\d,]+) tokens/, says: (found) => `KV cache of ${found[1]} tokens` },
  // TEI
  // ragscale’s own job for TEI: `fetching model.safetensors`
  { line: /^fetching (\S+)$/, says: (found) => `fetching ${found[1]}` },
  { line: /Downloading `?([^\s`]+)`?/, says: (found) => `fetching ${found[1]}` },
  { line: /Starting model backend/, says: () => 'starting the model' },
  { line: /Warming up model/i, says: () => 'warming up' },
  {
    line: /Starting (?:Bert|FlashBert|Qwen\w*|JinaBert\w*|\w+) model on (\S+)/,
    says: (found) => `loading the model on ${found[1]}`,
  },
  // TGI
  { line: /Download file: (\S+)/, says: (found) => `fetching ${found[1]}` },
  { line: /Waiting for shard to be ready/, says: () => 'loading weights' },
  // Qdrant
  { line: /Loading collection: (\S+)/, says: (found) => `loading collection ${found[1]}` },
  {
    line: /Recovering shard .*?(\d+)\/(\d+)|Recovering collection (\S+)/,
    says: (found) =>
      found[3] === undefined ? `recovering shards, ${found[1]} of ${found[2]}` : `recovering ${found[3]}`,
  },
]

/** The newest line that says something of it, in words; null where none does. */
export function loadingOf(lines: readonly string[]): string | null {
  for (const line of lines.toReversed()) {
    // A progress bar is drawn over itself: what was written last counts.
    const last = line.split('\r').findLast((part) => part.trim() !== '') ?? ''
    for (const { line: pattern, says } of stages) {
      const found = pattern.exec(last)
      if (found !== null) return says(found)
    }
  }
  return null
}
