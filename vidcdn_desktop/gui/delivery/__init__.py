"""The Delivery page: refresh what viewers see, and check a link."""
