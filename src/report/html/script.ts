/**
 * Read-outs under the pointer. Without it the page loses nothing but these: browsers show the same text as
 * their own tooltip. The page's content security policy allows this one script, by its hash, and no other.
 */
export const script = `
const tip = document.getElementById('tip')
for (const read of document.querySelectorAll('.read')) {
  const title = read.querySelector('title')
  const text = title.textContent
  title.remove()
  read.addEventListener('pointermove', (event) => {
    tip.textContent = text
    tip.style.display = 'block'
    const box = tip.getBoundingClientRect()
    const left = event.clientX + 16 + box.width > innerWidth ? event.clientX - 16 - box.width : event.clientX + 16
    tip.style.left = Math.max(4, left) + 'px'
    tip.style.top = Math.max(4, Math.min(event.clientY + 14, innerHeight - box.height - 4)) + 'px'
  })
  read.addEventListener('pointerleave', () => { tip.style.display = 'none' })
}
`

/** SHA-256 of `script` in base64; a test holds the two together. */
export const scriptHash = 'fciIYxwCeujcNfhYI+sDanmMjqhqknCjLUijkBCZeuk='
