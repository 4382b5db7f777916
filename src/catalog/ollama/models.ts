/** Ollama's names for models that the catalogue knows by their Hugging Face names. */
import { type LanguageModel, languageModel } from '../models.ts'

/** Of the library's tags, each the instruction-tuned model at 4 bits (Q4_K_M). */
const tags = new Map(
  Object.entries({
    'llama3.2:1b': 'meta-llama/Llama-3.2-1B-Instruct',
    'llama3.2:3b': 'meta-llama/Llama-3.2-3B-Instruct',
    'llama3.2': 'meta-llama/Llama-3.2-3B-Instruct',
    'llama3.1:8b': 'meta-llama/Llama-3.1-8B-Instruct',
    'llama3.1': 'meta-llama/Llama-3.1-8B-Instruct',
    'llama3.1:70b': 'meta-llama/Llama-3.1-70B-Instruct',
    'llama3.3:70b': 'meta-llama/Llama-3.3-70B-Instruct',
    'llama3.3': 'meta-llama/Llama-3.3-70B-Instruct',
    'mistral:7b': 'mistralai/Mistral-7B-Instruct-v0.3',
    mistral: 'mistralai/Mistral-7B-Instruct-v0.3',
    'qwen2.5:0.5b': 'Qwen/Qwen2.5-0.5B-Instruct',
    'qwen2.5:1.5b': 'Qwen/Qwen2.5-1.5B-Instruct',
    'qwen2.5:3b': 'Qwen/Qwen2.5-3B-Instruct',
    'qwen2.5:7b': 'Qwen/Qwen2.5-7B-Instruct',
    'qwen2.5': 'Qwen/Qwen2.5-7B-Instruct',
    'qwen2.5:14b': 'Qwen/Qwen2.5-14B-Instruct',
    'qwen2.5:32b': 'Qwen/Qwen2.5-32B-Instruct',
    'qwen2.5:72b': 'Qwen/Qwen2.5-72B-Instruct',
    'qwen3:0.6b': 'Qwen/Qwen3-0.6B',
    'qwen3:1.7b': 'Qwen/Qwen3-1.7B',
    'qwen3:4b': 'Qwen/Qwen3-4B',
    'qwen3:8b': 'Qwen/Qwen3-8B',
    qwen3: 'Qwen/Qwen3-8B',
    'qwen3:14b': 'Qwen/Qwen3-14B',
    'qwen3:32b': 'Qwen/Qwen3-32B',
  }),
)

export const ollamaNames: readonly { readonly name: string }[] = [...tags.keys()].map((name) => ({ name }))

export function ollamaModel(name: string): LanguageModel | undefined {
  const known = tags.get(name.toLowerCase())
  return known === undefined ? undefined : languageModel(known)
}
