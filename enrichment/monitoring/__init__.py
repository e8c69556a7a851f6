"""What is watched, and who is told: standstills, alerts of the law, banners, the bell."""
