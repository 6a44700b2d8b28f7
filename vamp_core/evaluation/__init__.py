"""What a trained model is worth: its ELBO, its log-likelihood with an error, and what its latents carry."""
