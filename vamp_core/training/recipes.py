"""Settings that go together: `train.py --recipe NAME`."""

# Settings found by measuring, or after the paper; a flag given beside --recipe wins over it.
BOOK = dict(
    network_size=1.0,
    encoder_trunk=(256,),
    decoder_trunk=(256, 256, 256),
    latent_gain=3.0,
    logvar_range=(-12.0, 6.0),
    lr=2e-3,
    lr_schedule="cosine",
    lr_warmup_epochs=1,
    epochs=24,
)
RECIPES = {
    "book": BOOK,
    # The book's ELBO sooner: fewer passes with better steps, and one over the pseudo-inputs for every four steps.
    # The models that ship were trained before it was found.
    "quick": BOOK | dict(batch_size=384, lr=5e-3, epochs=12, turns=4, optimizer="muon"),
    # The paper's setting for dynamic MNIST, at what a CPU can do of it: the paper has batches of 100 images and a
    # learning rate of 5e-4, and ends when 50 epochs have brought nothing.
    "paper": dict(
        binarize="dynamic",
        validation_images=10_000,
        batch_size=256,
        lr=4e-3,
        lr_schedule="cosine",
        lr_warmup_epochs=1,
        # Without a limit trainings were lost, of which the page on the results tells.
        clip_norm=50.0,
        epochs=400,
        warmup_epochs=100,
        early_stopping=400,  # not before the cosine's end; but of all epochs the best one's weights are kept
    ),
}
