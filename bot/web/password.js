// Shows and hides what is typed. Without this script the page works the same, masked.
const field = document.getElementById("password");
const show = document.getElementById("show");
if (field && show) {
  show.hidden = false;
  show.addEventListener("click", () => {
    const shown = field.type === "text";
    field.type = shown ? "password" : "text";
    show.textContent = shown ? "Show" : "Hide";
    show.setAttribute("aria-pressed", String(!shown));
    field.focus();
  });
  // Browsers offer to remember what is sent from a visible field.
  field.form.addEventListener("submit", () => { field.type = "password"; });
}
